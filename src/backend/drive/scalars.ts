/** Texts as YAML writes them. */

/** A text as a YAML scalar that reads back as that very text, in block and in flow style. */
export function scalarText(text: string): string {
  const plain = /^[A-Za-z0-9_./][A-Za-z0-9_./=@%+-]*(?:[ :][A-Za-z0-9_./=@%+-]+)*$/.test(text) && !/: /.test(text);
  return plain && !LOOKS_LIKE_OTHER.test(text) ? text : JSON.stringify(text);
}

/** What YAML 1.2's core schema (§10.3.2) takes for null, a boolean or a number, and what people take for one. */
const LOOKS_LIKE_OTHER = /^(?:~|null|true|false|yes|no|on|off|[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:e[-+]?\d+)?|0x[0-9a-f]+|0o[0-7]+|[-+]?\.(?:inf|nan)|)$/i;
