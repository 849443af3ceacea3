/** What shows by its form that it is secret, and what is left of it. */
const forms: [form: RegExp, left: string][] = [
  // Credentials and queries of addresses: signed ones carry their secret there.
  [/(\w:\/\/)[^\s/?#"'\\]*@/g, '$1…@'],
  [/(https?:\/\/[^\s?"'<>\\]*)\?[^\s"'<>\\]*/gi, '$1?…'],
  [/(bearer|basic|credential|signature|x-amz-security-token)([\s:=]+)[\w+/.=~%-]{8,}/gi, '$1$2…'],
  [/sb_secret_[\w-]+/g, 'sb_secret_…'],
  [/whsec_[A-Za-z0-9+/=]+/g, 'whsec_…'],
  [/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, '…'],
  [/v1,[A-Za-z0-9+/]{16,}=*/g, 'v1,…'],
  // V8 shows what stands around the character that it stumbled over.
  [/\.{0,3}"[^\n]{0,60}"\.{0,3} is not valid JSON/g, '… is not valid JSON'],
];

/** Characters of a text of a stranger's length that are worth reading; the forms take its square in time at worst. */
const longest = 8192;

/**
 * A text of somebody else's without what looks like a key, a token, a signature, a password or the
 * query of an address. The last line of defence: what is known to be secret is not put into texts at all.
 */
export const redactSecrets = (text: string): string =>
  forms.reduce((rest, [form, left]) => rest.replace(form, left), text);

/** `redactSecrets` of the beginning of a text. */
export const redactExcerpt = (text: string, length: number = longest): string =>
  redactSecrets(text.slice(0, longest)).slice(0, length);
