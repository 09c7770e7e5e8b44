/** Reads a line of shell that PXEN sent: words, single quotes and backslashes, nothing else (POSIX shell, §2.2). */

/** Undefined when the line needs more of a shell than words: then it isn't one of PXEN's. */
export function splitWords(line: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at);
    if (character === "'") {
      const end = line.indexOf("'", at + 1);
      if (end < 0) return undefined;
      word = (word ?? '') + line.slice(at + 1, end);
      at = end;
    } else if (character === '\\') {
      at += 1;
      word = (word ?? '') + line.charAt(at);
    } else if (character === ' ') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (/[A-Za-z0-9_@%+=:,./-]/.test(character)) {
      word = (word ?? '') + character;
    } else {
      return undefined;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}
