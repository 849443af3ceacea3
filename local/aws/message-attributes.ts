import { createHash } from 'node:crypto';
import { z } from 'zod';

/** Message attributes as on the wire; binary values are base64. */
export const MessageAttributes = z.record(
  z.string().regex(/^[\w.-]{1,256}$/),
  z
    .object({
      DataType: z.string().regex(/^(String|Number|Binary)(\.|$)/),
      StringValue: z.string().min(1).optional(),
      BinaryValue: z.base64().optional(),
    })
    .refine(
      (value) =>
        (value.DataType.startsWith('Binary') ? value.BinaryValue : value.StringValue) !== undefined,
      'must hold a value of its data type',
    ),
);
export type MessageAttributes = z.infer<typeof MessageAttributes>;

export const md5 = (data: string | Buffer): string => createHash('md5').update(data).digest('hex');

function field(data: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  return Buffer.concat([length, data]);
}

/**
 * MD5OfMessageAttributes, or undefined where there are none: sorted by name, each as length-prefixed
 * name, data type and value with a transport byte before the value (SQS Developer Guide,
 * "Calculating the MD5 message digest for message attributes").
 */
export function md5OfAttributes(attributes: MessageAttributes): string | undefined {
  const names = Object.keys(attributes).sort();
  if (names.length === 0) return undefined;
  const parts = names.flatMap((name) => {
    const { DataType = '', StringValue = '', BinaryValue } = attributes[name] ?? {};
    const binary = DataType.startsWith('Binary');
    const value = binary ? Buffer.from(BinaryValue ?? '', 'base64') : Buffer.from(StringValue);
    const transport = Buffer.from([binary ? 2 : 1]);
    return [field(Buffer.from(name)), field(Buffer.from(DataType)), transport, field(value)];
  });
  return md5(Buffer.concat(parts));
}

/** Bytes that count against the size limit: body, and name, type and value of every attribute. */
export function messageSize(body: string, attributes: MessageAttributes): number {
  const sizes = Object.entries(attributes).map(
    ([name, value]) =>
      Buffer.byteLength(name + value.DataType + (value.StringValue ?? '')) +
      Buffer.byteLength(value.BinaryValue ?? '', 'base64'),
  );
  return sizes.reduce((sum, size) => sum + size, Buffer.byteLength(body));
}

/** The attributes that a ReceiveMessage asked for: names, `prefix.*`, `All` or `.*`. */
export function selectAttributes(
  attributes: MessageAttributes,
  wanted: string[],
): MessageAttributes {
  const matches = (name: string) =>
    wanted.some(
      (want) =>
        want === 'All' ||
        want === '.*' ||
        want === name ||
        (want.endsWith('.*') && name.startsWith(want.slice(0, -1))),
    );
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => matches(name)));
}
