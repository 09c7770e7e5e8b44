/** `count(1, 'host')` is `1 host`, `count(2, 'host')` is `2 hosts`. */
export function count(n: number, thing: string): string {
  return `${n} ${n === 1 ? thing : `${thing}s`}`;
}
