// Writes dist/govuk.css: govuk-frontend's precompiled stylesheet without what only
// services on GOV.UK may use: its typeface (licensed for GOV.UK alone, so the fonts
// are not shipped and Arial takes their place) and the royal crest. And dist/govuk.js:
// its precompiled script as it is, without the name of a map that is not shipped.
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

const script = readFileSync(join(source, "dist", "govuk", "govuk-frontend.min.js"), "utf8")
  .replace(/\n?\/\/# sourceMappingURL=\S+\s*$/, "\n");
if (!/export\s*\{[^}]*initAll/.test(script)) {
  console.error(`govuk-frontend ${version}: the script does not export initAll, which portal.js calls`);
  process.exit(1);
}

const licence = readFileSync(join(here, "govuk-frontend.LICENSE"), "utf8").trim();
const write = (name, what, content) => {
  const target = join(here, "dist", name);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(`${target}.new`, `/*!\ngovuk-frontend ${version}, ${what}.\n${licence}\n*/\n${content}`);
  renameSync(`${target}.new`, target); // whole or not at all: the Go build embeds what is here
};
write("govuk.js", "as it is", script);
write("govuk.css", "changed for Rollbridge: typeface and crest removed", css); // last: make looks at its time
