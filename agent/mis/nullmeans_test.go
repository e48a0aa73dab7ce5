package mis

import (
	"strings"
	"testing"

	"rollbridge/shared/record"
)

// An empty value of a yes-or-no field is neither, unless the profile says that
// this MIS leaves "no" empty.
func TestWhatAnEmptyYesOrNoMeans(t *testing.T) {
	const text = "pupil,ProtectionPlan,MedicalFlag\np1,,\np2,Yes,U\n"
	shown := func(b *bool) string {
		switch {
		case b == nil:
			return "neither"
		case *b:
			return "yes"
		}
		return "no"
	}
	for name, c := range map[string]struct {
		means map[string]string
		want  string // of p1, then p2
	}{
		"nothing said": {nil, "neither neither, yes neither"},
		"said no":      {map[string]string{"ProtectionPlan": "no", "MedicalFlag": "no"}, "no no, yes neither"},
		"said unknown": {map[string]string{"ProtectionPlan": "unknown", "MedicalFlag": "no"}, "neither no, yes neither"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := things(t, record.DatasetWelfare, text, func(p *Profile) { p.Datasets[record.DatasetWelfare].NullMeans = c.means })
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, r := range got.records {
				w := r.(*record.Welfare)
				all = append(all, shown(w.ProtectionPlan)+" "+shown(w.MedicalFlag))
			}
			if is := strings.Join(all, ", "); is != c.want {
				t.Errorf("%s, not %s", is, c.want)
			}
		})
	}
	for field, means := range map[string]string{"ProtectionPlan": "maybe", "YoungCarer": "no", "ProtectionPlans": "no"} {
		_, err := things(t, record.DatasetWelfare, text, func(p *Profile) {
			p.Datasets[record.DatasetWelfare].NullMeans = map[string]string{field: means}
		})
		if err == nil {
			t.Errorf("null_means of %s as %s is taken", field, means)
		}
	}
}
