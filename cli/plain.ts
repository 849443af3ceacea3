/** What others wrote, without what would drive the terminal. */
export const plain = (text: string, most: number): string => {
  const clean = text.replaceAll(/[\p{C}\p{Z}]+/gu, ' ').trim();
  return clean.length > most ? `${clean.slice(0, most - 1)}…` : clean;
};
