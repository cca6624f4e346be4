// The swarm's server on node's own http: node node_app.js --port 8000 [--backlog 4096]; without, node's own backlog.
"use strict";
const http = require("node:http");
const option = (name) => {
  const place = process.argv.indexOf(name);
  return place < 0 ? undefined : Number(process.argv[place + 1]);
};
const large = Buffer.alloc(1048576, "x");
let waiting = new Set();

const server = http.createServer((request, response) => {
  if (request.url === "/poll") {
    waiting.add(response);
    response.on("close", () => waiting.delete(response));
  } else if (request.url === "/publish") {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const message = Buffer.concat(chunks);
      const woken = waiting;
      waiting = new Set();
      for (const waiter of woken) waiter.end(message);
      response.end(String(woken.size));
    });
  } else if (request.url === "/stat") {
    response.end(String(waiting.size));
  } else if (request.url === "/large") {
    response.end(large);
  } else {
    response.end("hello");
  }
});
server.keepAliveTimeout = 600000;
server.listen({ port: option("--port"), host: "127.0.0.1", backlog: option("--backlog") });
