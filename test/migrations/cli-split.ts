/**
 * What matters to the Supabase CLI where it looks for the ends of statements (supabase/cli 1d1e719, pkg/parser):
 * comments, quotes and dollar quotes hide everything; a `;` inside brackets ends nothing.
 */
const token =
  /--[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?<tag>\w*)\$[\s\S]*?\$\k<tag>\$|\\[\s\S]|\/\*|(?<![\w$])begin\s+atomic|end|[();]/giu;

/**
 * The statements of a file as `supabase db push` sends them. It knows no grammar: the first closing bracket closes
 * all that are open, and an atomic body ends at the first text `end` outside brackets, be it part of a word.
 */
export function splitAsCli(sql: string): string[] {
  const statements: string[] = [];
  let start = 0;
  let isInBrackets = false;
  let isAtomic = false;
  token.lastIndex = 0;
  for (let found = token.exec(sql); found !== null; found = token.exec(sql)) {
    const [text] = found;
    if (text === '/*') token.lastIndex = endOfBlockComment(sql, found.index);
    else if (text === '(') isInBrackets = true;
    else if (text === ')') isInBrackets = false;
    else if (isInBrackets) continue;
    else if (/^begin/i.test(text)) isAtomic = true;
    else if (/^end$/i.test(text)) isAtomic = false;
    else if (text === ';' && !isAtomic) {
      statements.push(sql.slice(start, found.index));
      start = token.lastIndex;
    }
  }
  return [...statements, sql.slice(start)].map((each) => each.trim()).filter(Boolean);
}

/** Block comments nest. */
function endOfBlockComment(sql: string, start: number): number {
  let depth = 0;
  for (const { 0: text, index } of sql.slice(start).matchAll(/\/\*|\*\//g)) {
    depth += text === '/*' ? 1 : -1;
    if (depth === 0) return start + index + 2;
  }
  return sql.length;
}

/** The bodies between `begin atomic` and its own `end`, as PostgreSQL reads them: with the `end`s of `case` inside. */
export function atomicBodies(sql: string): string[] {
  return [...sql.matchAll(/begin\s+atomic(?<body>[\s\S]*?)^end;$/gim)].map(
    ({ groups }) => groups?.body ?? '',
  );
}
