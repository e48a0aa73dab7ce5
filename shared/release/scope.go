package release

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"sync"

	"go.yaml.in/yaml/v3"

	"rollbridge/configs"
	"rollbridge/shared/record"
)

// DataScope is a hash over what decides which data leave a school: the embedded
// profiles by their meaning (a comment changes nothing) and the fields of every
// dataset. Two programs with the same one send the same.
func DataScope() string { return dataScope() }

var dataScope = sync.OnceValue(scopeOf)

func scopeOf() string {
	h := sha256.New()
	// A new kind of entry gets a word of its own, so that no two inputs run together.
	add := func(kind, name string, content any) {
		text, err := json.Marshal(content)
		if err != nil {
			text = fmt.Appendf(nil, "%v", content)
		}
		fmt.Fprintf(h, "%s %q %d %s\n", kind, name, len(text), text)
	}
	names, _ := fs.Glob(configs.Files, "mis/*.yaml")
	for _, name := range names {
		text, _ := fs.ReadFile(configs.Files, name)
		var meaning any
		if yaml.Unmarshal(text, &meaning) != nil {
			meaning = text
		}
		add("profile", name, meaning)
	}
	for _, d := range record.Datasets() {
		for _, f := range record.Fields(d) {
			add("field", string(d)+"."+f.Name, []any{f.Always, f.Sensitive})
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
