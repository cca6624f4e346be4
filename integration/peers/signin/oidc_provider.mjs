// The npm package oidc-provider, told what to be by one line of JSON on standard input for each configuration, and
// answering each by one line on standard output. The address stays the same; clients, keys and accounts are new.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(process.env.PEERS + "/package.json");
const { Provider, default: Default } = await import(require.resolve("oidc-provider"));

let serve = (request, response) => response.writeHead(503).end();
const server = createServer((request, response) => serve(request, response));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const signOutSource = (ctx, form) => {
  ctx.body = `<!DOCTYPE html><title>Sign out</title>${form}<button form="op.logoutForm" name="logout" value="yes">Yes</button>`;
};

for await (const line of createInterface({ input: process.stdin })) {
  const { clients, jwks, ttl, scopes } = JSON.parse(line);
  const provider = new (Provider ?? Default)(issuer, {
    clients,
    jwks,
    cookies: { keys: ["a key for the cookies of the tests"] },
    claims: { openid: ["sub", "sid"], email: ["email", "email_verified"], profile: ["name"] },
    scopes: ["openid", "offline_access", "profile", "email", ...(scopes ?? [])],
    conformIdTokenClaims: false,
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "ES256", "PS256", "HS256"], userinfoSigningAlgValues: ["RS256"] },
    features: {
      devInteractions: { enabled: true },
      backchannelLogout: { enabled: true },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource: signOutSource },
      claimsParameter: { enabled: true },
      jwtUserinfo: { enabled: true },
    },
    pkce: { required: () => true },
    // Newer versions refuse to call addresses of this machine, where the application is.
    fetch: (url, { dispatcher, ...options } = {}) => fetch(url, options),
    rotateRefreshToken: true,
    issueRefreshToken: (ctx, client, code) => client.grantTypeAllowed("refresh_token") && code.scopes.has("offline_access"),
    ttl: { AccessToken: 3600, IdToken: 3600, ...(ttl ?? {}) },
    findAccount: (ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: `${id} the user`, email: `${id}@id.example`, email_verified: true }),
    }),
  });
  provider.on("server_error", (ctx, error) => console.error("server_error", error.message));
  provider.on("grant.error", (ctx, error) => console.error("grant.error", error.message, error.error_detail ?? ""));
  await provider.Client.find(clients[0].client_id); // complains of what is wrong with it
  serve = provider.callback();
  console.log(JSON.stringify({ issuer }));
}
server.close();
process.exit(0);
