import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { HttpError } from './http.ts';

export type Role = 'anon' | 'authenticated' | 'service_role';

/** Who asks: the database role and the claims that `auth.jwt()` shows. */
export interface Caller {
  role: Role;
  claims: Record<string, unknown>;
}

/** Both kinds of API key: the new opaque ones, and the legacy JWTs. */
export interface Keys {
  secret: string;
  publishable: string;
  serviceRole: string;
  anon: string;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const sign = (text: string, secret: string): Buffer =>
  createHmac('sha256', secret).update(text).digest();

export function signToken(claims: Record<string, unknown>, secret: string): string {
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${text}.${sign(text, secret).toString('base64url')}`;
}

/** The claims of an HS256 token, or a 401 as PostgREST 12 words it. */
function verifyToken(token: string, secret: string): Record<string, unknown> {
  const refuse = (message: string) =>
    new HttpError(401, { code: 'PGRST301', details: null, hint: null, message });
  const [head = '', body = '', signature = ''] = token.split('.');
  const given = Buffer.from(signature, 'base64url');
  const expected = sign(`${head}.${body}`, secret);
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw refuse('JWSError JWSInvalidSignature');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
  if (typeof claims.exp === 'number' && claims.exp * 1000 < Date.now()) throw refuse('JWT expired');
  return claims;
}

/** The wire behaviour of a hosted project's API gateway: who a request speaks for, from its two headers. */
export class KeyRing {
  readonly keys: Keys;
  readonly #jwtSecret: string;

  constructor(jwtSecret = randomBytes(32).toString('hex')) {
    this.#jwtSecret = jwtSecret;
    const legacy = (role: Role) => signToken({ iss: 'supabase', ref: 'local', role }, jwtSecret);
    this.keys = {
      secret: `sb_secret_${randomBytes(16).toString('base64url')}`,
      publishable: `sb_publishable_${randomBytes(16).toString('base64url')}`,
      serviceRole: legacy('service_role'),
      anon: legacy('anon'),
    };
  }

  /** A signed-in user's access token, good for an hour of the machine's clock. */
  userToken(userId: string): string {
    const exp = Math.floor(Date.now() / 1000) + 3600;
    return signToken(
      { sub: userId, role: 'authenticated', aud: 'authenticated', exp },
      this.#jwtSecret,
    );
  }

  /** Throws a 401 for a missing or unknown key, and for a secret key in a browser. */
  identify(headers: IncomingHttpHeaders): Caller {
    const apiKey = String(headers.apikey ?? '');
    const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
    if (apiKey === '')
      throw new HttpError(401, {
        message: 'No API key found in request',
        hint: 'No `apikey` request header or url param was found.',
      });
    const isSecret = apiKey === this.keys.secret;
    if (isSecret && /mozilla|chrome|safari|firefox/i.test(headers['user-agent'] ?? ''))
      throw new HttpError(401, {
        message: 'Forbidden use of secret API key in browser',
        hint: 'Secret API keys can only be used in a protected environment and should never be used in a browser.',
      });
    const keyRoles: Record<string, Role> = {
      [this.keys.secret]: 'service_role',
      [this.keys.serviceRole]: 'service_role',
      [this.keys.publishable]: 'anon',
      [this.keys.anon]: 'anon',
    };
    const role = keyRoles[apiKey];
    if (role === undefined)
      throw new HttpError(401, {
        message: 'Invalid API key',
        hint: 'Double check your Supabase `anon` or `service_role` API key.',
      });
    if (bearer === undefined || bearer === apiKey) return { role, claims: { role } };
    const claims = verifyToken(bearer, this.#jwtSecret);
    const claimed = claims.role;
    if (claimed !== 'authenticated' && claimed !== 'service_role') return { role: 'anon', claims };
    return { role: claimed, claims };
  }
}
