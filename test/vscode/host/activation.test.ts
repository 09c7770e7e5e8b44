import * as assert from 'node:assert/strict';
import * as vscode from 'vscode';

describe('the extension', () => {
  it('runs in a real VS Code', () => {
    assert.match(vscode.version, /^1\./);
  });
});
