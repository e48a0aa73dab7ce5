// Writes dist/govuk.css: govuk-frontend's precompiled stylesheet without what only
// services on GOV.UK may use: its typeface (licensed for GOV.UK alone, so the fonts
// are not shipped and Arial takes their place) and the royal crest.
//
// It stops rather than write a stylesheet that still names either, so that a new
// release of govuk-frontend that spells them otherwise is noticed here.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "node_modules", "govuk-frontend");
const { version } = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));

const css = readFileSync(join(source, "dist", "govuk", "govuk-frontend.min.css"), "utf8")
  .replace(/\/\*[\s\S]*?\*\//g, "")
  .replace(/@font-face\s*\{[^}]*\}/g, "")
  .replace(/"?GDS Transport"?\s*,\s*arial/gi, "arial")
  .replace(/url\([^)]*govuk-crest[^)]*\)/g, "none");

for (const banned of ["@font-face", "GDS Transport", "url("]) {
  if (css.includes(banned)) {
    console.error(`govuk-frontend ${version}: the stylesheet still holds "${banned}"; adjust build.mjs to its new spelling`);
    process.exit(1);
  }
}

const notice = `/*!
govuk-frontend ${version}, changed for Rollbridge: typeface and crest removed.
${readFileSync(join(here, "govuk-frontend.LICENSE"), "utf8").trim()}
*/
`;
const target = join(here, "dist", "govuk.css");
mkdirSync(dirname(target), { recursive: true });
writeFileSync(`${target}.new`, notice + css);
renameSync(`${target}.new`, target); // whole or not at all: the Go build embeds what is here
