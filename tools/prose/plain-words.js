/**
 * Plain words: what textlint-rule-sentence-length cannot see.
 *
 * A sentence opens with its subject, and has a limited number of words, relative clauses and semicolons. Cells of tables
 * are checked as paragraphs are, because a reference has most of its prose there.
 */
"use strict";

const { splitAST, SentenceSplitterSyntax } = require("sentence-splitter");
const { StringSource } = require("textlint-util-to-string");

const DEFAULTS = { words: 25, semicolons: 1, relatives: 1, openers: ["What", "Of", "Until"] };
const RELATIVE = /\b(which|who|whom|whose)\b/gi;
// Neither is read aloud.
const SILENT = new Set(["Comment", "Html", "Image"]);

/** The text of a sentence as a reader hears it; a span of code counts as one word. */
function heard(sentence) {
  const source = new StringSource(sentence, {
    replacer: ({ node, maskValue, emptyValue }) => {
      if (SILENT.has(node.type)) return emptyValue();
      return node.type === "Code" ? maskValue("x") : undefined;
    },
  });
  return source.toString().trim();
}

function beginning(text) {
  return text.replace(/\s+/g, " ").slice(0, 60);
}

/** A table cell has no paragraph of its own: its content is one. */
function asParagraph(node) {
  return node.type === "TableCell" ? { ...node, type: "Paragraph" } : node;
}

function faults(text, options) {
  const found = [];
  const opener = options.openers.find((word) => new RegExp(`^${word}\\b(?!')`).test(text));
  // A question may open with its question word.
  if (opener && !text.endsWith("?")) found.push(`opens with "${opener}": begin with the subject`);
  const words = text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
  if (words > options.words) found.push(`has ${words} words: at most ${options.words}, one idea a sentence`);
  const semicolons = text.split(";").length - 1;
  if (semicolons > options.semicolons) found.push(`has ${semicolons} semicolons: make sentences of its parts`);
  const relatives = (text.match(RELATIVE) ?? []).length;
  if (relatives > options.relatives) found.push(`has ${relatives} relative clauses: name the thing again instead`);
  return found;
}

module.exports = function plainWords(context, given = {}) {
  const { Syntax, RuleError, report } = context;
  const options = { ...DEFAULTS, ...given };
  let prose = 0;
  let semicolons = 0;

  function check(node) {
    const paragraph = splitAST(asParagraph(node));
    for (const sentence of paragraph.children) {
      if (sentence.type !== SentenceSplitterSyntax.Sentence) continue;
      const text = heard(sentence);
      prose += 1;
      semicolons += text.split(";").length - 1;
      for (const fault of faults(text, options)) {
        report(node.type === Syntax.TableCell ? node : sentence, new RuleError(`"${beginning(text)}" ${fault}`));
      }
    }
  }

  return {
    [Syntax.Paragraph]: check,
    [Syntax.TableCell]: check,
    [Syntax.DocumentExit](node) {
      if (semicolons > Math.max(2, prose * options.semicolonsPerSentence)) {
        report(node, new RuleError(`${semicolons} semicolons in ${prose} sentences: make sentences of their parts`));
      }
    },
  };
};
