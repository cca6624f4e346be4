// The npm package oauth2-mock-server, which can be told to lie: one line of JSON on standard input for each set of lies.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(process.env.PEERS + "/package.json");
const { OAuth2Server } = require("oauth2-mock-server");

const server = new OAuth2Server();
await server.issuer.keys.generate("RS256");
await server.start(0, "127.0.0.1");
server.issuer.url = `http://127.0.0.1:${server.address().port}`;

const change = (target, changes) => {
  for (const [name, value] of Object.entries(changes ?? {})) {
    if (value === null) delete target[name];
    else target[name] = value;
  }
};

let lies = {};
server.service.on("beforeTokenSigning", (token) => {
  change(token.payload, lies.payload);
  change(token.header, lies.header);
});
server.service.on("beforeResponse", (response) => {
  const idToken = response.body.id_token;
  if (lies.signature !== undefined) response.body.id_token = idToken.replace(/[^.]*$/, lies.signature);
  if (lies.finalHeader !== undefined) {
    // After the signature was made, which is for the honest header.
    const [header, ...rest] = idToken.split(".");
    const changed = { ...JSON.parse(Buffer.from(header, "base64url")), ...lies.finalHeader };
    response.body.id_token = [Buffer.from(JSON.stringify(changed)).toString("base64url"), ...rest].join(".");
  }
  if (lies.status !== undefined) response.statusCode = lies.status;
  change(response.body, lies.body);
});
server.service.on("beforeUserinfo", (response) => change(response.body, lies.userinfo));
server.service.on("beforeAuthorizeRedirect", ({ url }) => {
  for (const [name, value] of Object.entries(lies.redirect ?? {})) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
});

for await (const line of createInterface({ input: process.stdin })) {
  lies = JSON.parse(line);
  console.log(JSON.stringify({ issuer: server.issuer.url }));
}
process.exit(0);
