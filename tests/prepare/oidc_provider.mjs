// A real identity provider on loopback: oidc-provider, with a sign-in page of its own and the people of a file, which is
// read anew each time. `lie` in that file says what is wrong with the next ID tokens, or with what it says of itself.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const names = ['modules', 'port', 'folder', 'callback', 'after', 'client', 'secret-file'];
const { values: given } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) });
const within = createRequire(join(given.modules, 'none.js'));
const load = async (name) => import(pathToFileURL(within.resolve(name)));
const { default: Provider } = await load('oidc-provider');
const jose = await load('jose');

const issuer = `https://localhost:${given.port}`;
const world = () => JSON.parse(readFileSync(join(given.folder, 'people.json'), 'utf8'));
const kid = `key-${Date.now()}`;
const pair = await jose.generateKeyPair('RS256', { extractable: true });
const foreign = await jose.generateKeyPair('RS256', { extractable: true });
const key = { ...(await jose.exportJWK(pair.privateKey)), kid, alg: 'RS256', use: 'sig' };
const secret = given['secret-file'] ? readFileSync(given['secret-file'], 'utf8').trim() : undefined;

const provider = new Provider(issuer, {
  clients: [{
    client_id: given.client,
    redirect_uris: [given.callback],
    post_logout_redirect_uris: [given.after],
    ...(secret ? { client_secret: secret } : { token_endpoint_auth_method: 'none' }),
  }],
  jwks: { keys: [key] },
  cookies: { keys: ['only on loopback'] },
  claims: { openid: ['sub', 'acr', 'amr'], email: ['email', 'email_verified'] },
  acrValues: ['once', 'twice'],
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, sub) => {
    const person = world().people.find((one) => one.sub === sub);
    return person && {
      accountId: sub,
      claims: () => ({ sub, email: person.email, email_verified: person.email_verified }),
    };
  },
  loadExistingGrant: async ({ oidc }) => {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope(oidc.params.scope);
    await grant.save();
    return grant;
  },
});

// What an attacker in the provider's place, or one that confuses its clients, would hand out.
const lies = {
  nonce: (claims) => sign({ ...claims, nonce: 'of another sign-in' }, pair.privateKey),
  audience: (claims) => sign({ ...claims, aud: 'another client' }, pair.privateKey),
  issuer: (claims) => sign({ ...claims, iss: 'https://another.example' }, pair.privateKey),
  expired: (claims) => sign({ ...claims, exp: claims.iat - 1 }, pair.privateKey),
  'foreign key': (claims) => sign(claims, foreign.privateKey),
  unsigned: (claims) => new jose.UnsecuredJWT(claims).encode(),
  'shared secret': (claims) => new jose.SignJWT(claims).setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(secret)),
};
function sign(claims, privateKey) {
  return new jose.SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid }).sign(privateKey);
}
provider.use(async (ctx, next) => {
  await next();
  const { lie } = world();
  if (ctx.path === '/.well-known/openid-configuration' && lie === 'discovery') {
    ctx.body = { ...ctx.body, authorization_endpoint: 'http://localhost/auth' };
    console.log('lied about: discovery');
  }
  if (ctx.path === '/token' && ctx.body?.id_token && lies[lie]) {
    ctx.body = { ...ctx.body, id_token: await lies[lie](jose.decodeJwt(ctx.body.id_token)) };
    console.log(`lied about: ${lie}`);
  }
});

const page = (uid) => `<!doctype html><html lang="en"><title>Provider</title><h1>Provider</h1>
<form method="post" action="/interaction/${uid}"><label>Login <input name="login"></label><button>Sign in</button></form>
<a id="cancel" href="/interaction/${uid}/cancel">Cancel</a></html>`;

async function interact(request, response, uid, rest) {
  if (rest === '/cancel') {
    return provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'cancelled' });
  }
  if (request.method === 'POST') {
    let body = '';
    for await (const chunk of request) body += chunk;
    const login = new URLSearchParams(body).get('login');
    const person = world().people.find((one) => one.login === login);
    if (person) {
      const { sub: accountId, amr, acr } = person;
      return provider.interactionFinished(request, response, { login: { accountId, amr, acr } });
    }
  }
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(page(uid));
}

const read = (name) => readFileSync(join(given.folder, name));
const callback = provider.callback();
createServer({ cert: read('server.pem'), key: read('server.key') }, (request, response) => {
  if (request.url === '/favicon.ico') return response.writeHead(204).end();
  const found = /^\/interaction\/([\w-]+)(\/cancel)?$/.exec(request.url);
  if (!found) return callback(request, response);
  return interact(request, response, found[1], found[2]).catch((error) => {
    console.log(error);
    response.statusCode = 500;
    response.end('the interaction failed');
  });
}).listen(Number(given.port), '127.0.0.1', () => console.log('the provider is ready'));
