// The swarm's server on node's own http: node node_app.js --port 8000
"use strict";
const http = require("node:http");
const port = Number(process.argv[process.argv.indexOf("--port") + 1]);
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
server.listen({ port, host: "127.0.0.1", backlog: 4096 });
