import assert from 'node:assert/strict';
import { ArchiveFailure } from '../../core/failure.ts';
import { parseSourceUrl } from '../../core/source-url.ts';

/** The policy that URLs are tried against. */
export const suffixes = ['cdn.example.com', '*.files.example.com'];

/** What the guard decides about a URL: the code of its refusal, or what it passes as. */
export const decisionOn = (url: string, hosts: readonly string[] = suffixes): string => {
  try {
    return `passes as ${parseSourceUrl(url, hosts).href}`;
  } catch (error) {
    assert.ok(error instanceof ArchiveFailure, `${error}`);
    return error.code;
  }
};
