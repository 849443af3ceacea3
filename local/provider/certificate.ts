import { generate } from 'selfsigned';

export interface Certificate {
  /** PEM of the authority that clients must trust (NODE_EXTRA_CA_CERTS). */
  authority: string;
  certificate: string;
  key: string;
}

/** A certificate for `hosts`, signed by an authority made for it alone and forgotten afterwards. */
export async function makeCertificate(hosts: string[]): Promise<Certificate> {
  const common = { keyType: 'ec', algorithm: 'sha256' } as const;
  const authority = await generate(
    [{ name: 'commonName', value: 'track-archiver demo authority' }],
    {
      ...common,
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'keyUsage', keyCertSign: true, digitalSignature: true, critical: true },
      ],
    },
  );
  const server = await generate([{ name: 'commonName', value: 'track-archiver demo provider' }], {
    ...common,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: hosts.map((value) => ({ type: 2, value })) },
    ],
    ca: { key: authority.private, cert: authority.cert },
  });
  return { authority: authority.cert, certificate: server.cert, key: server.private };
}
