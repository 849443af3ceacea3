import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** Anchors of a document's headings, as they are on the usual forges. */
const anchorsOf = (markdown: string): string[] =>
  [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );

const files = ['*.md', '.github/**/*.md', 'docs/**/*.md'];
for (const file of globSync(files, { cwd: root }).sort()) {
  test(`what ${file} links to is there`, async () => {
    const text = readFileSync(join(root, file), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path = '', anchor] = target.split('#', 2);
      const found = path === '' ? join(root, file) : join(root, dirname(file), path);
      await access(found);
      if (anchor === undefined) continue;
      assert.ok(anchorsOf(readFileSync(found, 'utf8')).includes(anchor), `${file}: ${target}`);
    }
  });
}
