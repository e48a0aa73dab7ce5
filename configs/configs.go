// Package configs holds the files that a person reads and copies: the complete
// commented settings of both programs and one profile per MIS. It embeds them
// and does nothing else; each is read by the package that owns its meaning
// (agent/settings, collector/settings, agent/mis).
//
// Start reading at the files themselves.
package configs

import "embed"

// Files holds *.yaml and mis/*.yaml under those names, and the JSON Schemas of
// profiles and of site files, profile.schema.json and site.schema.json.
//
//go:embed *.yaml mis/*.yaml *.schema.json
var Files embed.FS
