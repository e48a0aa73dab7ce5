package mis

import (
	"encoding/json"
	"strings"
	"testing"

	"rollbridge/shared/record"
)

// staffRows are people of whom the MIS says no role, an empty one or another than
// is wanted, as each interface writes them.
var staffRows = map[string]string{
	"arbor":           `{"person":{"href":"/rest-v2/persons/1"},"businessRole":{"href":"/r/none"}}`,
	"bromcom-odata":   `{"staffcode":" "}`,
	"bromcom-partner": `{"jobtitle":""}`,
	"progresso":       `{"status":"Active","position":""}`,
	"wonde":           `{"id":"1","roles":{"data":[{"code":"","name":"Teacher"}]}}`,
	"xporter":         `{"id":1,"roles":"Teacher, ,"}`,
}

// A comma too many in the names of roles never makes the whole staff leave.
func TestStaffOfNoRoleStay(t *testing.T) {
	for name, row := range staffRows {
		p, err := LoadProfile(name)
		if err != nil {
			t.Fatal(err)
		}
		each := p.Datasets[record.DatasetStaff].Each
		if name == "arbor" {
			each = p.Lookups["role_holders"].Each
		}
		j := jq{define: p.define(), lookup: func(string, any) any { return nil }}
		x, err := j.optional(each)
		if err != nil || x == nil {
			t.Fatalf("%s: %v", name, err)
		}
		var value any
		if err := json.Unmarshal([]byte(row), &value); err != nil {
			t.Fatal(err)
		}
		for _, wanted := range []string{"", ",", "Designated teacher,", " , ,"} {
			names := map[string]any{"staff_roles": wanted, "staff_codes": strings.ReplaceAll(wanted, " ", "")}
			kept := 0
			err := x.run(t.Context(), value, []any{string(today), string(today), names, nil, nil}, func(any) error {
				kept++
				return nil
			})
			if err != nil || kept > 0 {
				t.Errorf("%s, roles %q: %d kept, %v", name, wanted, kept, err)
			}
		}
	}
}
