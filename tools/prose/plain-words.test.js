/** Each limit of the rule: a text that breaks it is reported, the plain form of it is not. */
"use strict";

const assert = require("node:assert");
const test = require("node:test");
const { TextlintKernel } = require("@textlint/kernel");
const markdown = require("@textlint/textlint-plugin-markdown").default;
const rule = require("./plain-words.js");

const OPTIONS = { words: 12, semicolons: 1, semicolonsPerSentence: 0.05, relatives: 1 };

async function faults(text) {
  const result = await new TextlintKernel().lintText(text, {
    ext: ".md",
    plugins: [{ pluginId: "markdown", plugin: markdown }],
    rules: [{ ruleId: "plain-words", rule, options: OPTIONS }],
  });
  return result.messages.map(({ message }) => message);
}

for (const [name, broken, plain, said] of [
  ["words", "One two three four five six seven eight nine ten eleven twelve thirteen.", "One two. Three.", "13 words"],
  ["openers", "What is kept stays.", "The rest stays.", 'opens with "What"'],
  ["relatives", "The line, which reads what a team, who knows, writes.", "The line which reads.", "2 relative clauses"],
  ["semicolons", "One; two; three.", "One; two.", "2 semicolons"],
  ["tables", "| a |\n|---|\n| Of it. |", "| a |\n|---|\n| It. |", 'opens with "Of"'],
  ["pages", "A; b.\n\nC; d.\n\nE; f.", "A; b.\n\nC; d.", "3 semicolons in 3 sentences"],
]) {
  test(name, async () => {
    assert.ok((await faults(broken)).some((message) => message.includes(said)), await faults(broken));
    assert.deepStrictEqual(await faults(plain), []);
  });
}

test("code is one word, and a question may open with its word", async () => {
  assert.deepStrictEqual(await faults("Run `one two three four five six seven eight nine ten eleven twelve` now."), []);
  assert.deepStrictEqual(await faults("What is it?"), []);
});
