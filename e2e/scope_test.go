package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
	"rollbridge/shared/record"
)

// handlingEnv is what an operator says once for the installation.
var handlingEnv = []string{
	"ROLLBRIDGE_COLLECTOR_HANDLING_STORED_IN=Anytown, in the council's own data centre",
	"ROLLBRIDGE_COLLECTOR_HANDLING_SUB_PROCESSORS=Example Hosting Ltd (servers)",
	"ROLLBRIDGE_COLLECTOR_HANDLING_CONTACT=dpo@anytown.example",
}

// TestScopeInTheSchoolsHands enrols, denies, is asked for more, and says yes to
// exactly what was shown; what the collector holds is always that and no more.
func TestScopeInTheSchoolsHands(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	w.must(os.Mkdir(w.folder(), 0o755))
	w.must(w.school.WriteCSV(w.folder()))
	code := w.setUpCollector(stack.CollectorOptions{Env: handlingEnv})
	w.enrolInWords(code)
	holds := func(datasets ...record.Dataset) {
		t.Helper()
		w.asked = datasets
		w.same()
	}
	sync := func() { w.try(0, "sync") }
	sync()
	holds(record.DatasetPupil, record.DatasetContact, record.DatasetAttendance)

	deny := []string{"scope", "deny"}
	for _, a := range w.school.Authorities() {
		deny = append(deny, a+".contact")
	}
	w.try(0, deny...)
	sync()
	holds(record.DatasetPupil, record.DatasetAttendance)

	for _, a := range w.school.Authorities() {
		_, err := w.collector.Command(w.ctx, "school", "provision", schoolID, "--authority", a, "--dataset", "pupil", "--dataset", "contact", "--dataset", "attendance", "--dataset", "sen")
		w.must(err)
	}
	sync()
	holds(record.DatasetPupil, record.DatasetAttendance)
	if out := w.try(0, "status"); !strings.Contains(out, "asks for sen") || !strings.Contains(out, "waits for the school's yes") || !strings.Contains(out, "denied by the school") {
		t.Errorf("status does not say what waits and what was denied:\n%s", out)
	}
	if out := w.try(3, "scope", "accept"); !strings.Contains(out, "SENneeds") || !strings.Contains(out, "nothing was changed") {
		t.Errorf("without an answer:\n%s", out)
	}
	w.try(3, "scope", "accept", "--hash", "0123456789abcdef")
	if out := w.try(3, "scope", "allow", w.school.Authorities()[0]+".snen"); !strings.Contains(out, `did you mean "sen"`) {
		t.Errorf("a dataset that there is not:\n%s", out)
	}
	sync()
	holds(record.DatasetPupil, record.DatasetAttendance)
	var shown struct {
		Shown string `json:"shown"`
	}
	w.must(json.Unmarshal([]byte(w.try(0, "scope", "show", "--json")), &shown))
	w.try(0, "scope", "accept", "--hash", shown.Shown)
	sync()
	holds(record.DatasetPupil, record.DatasetAttendance, record.DatasetSEN)

	// The last one denied: nothing is held any more, and nothing leaves.
	w.try(0, append([]string{"scope", "deny"}, w.school.Authorities()...)...)
	sync()
	w.becomes(oracle.Lines{})
	w.try(3, "sync")
	w.try(0, "log", "--verify")
	w.sound()
}

// enrolInWords reads what a person is shown before the yes, and installs without
// one present.
func (w *world) enrolInWords(code string) {
	w.t.Helper()
	agent, err := stack.NewAgent(programs, filepath.Join(w.dir, "agent"), stack.Folder("csv", w.folder()), stack.AgentOptions{})
	w.must(err)
	w.agent = agent
	out := w.try(3, "enrol", code)
	flat := strings.Join(strings.Fields(out), " ")
	for _, says := range []string{
		"why: Promote the education of looked-after children", "Legal surname", "In which order contacts are called",
		"forgotten after 400 days", "marks are kept for 2 academic years", "destroyed on day 30",
		"Anytown, in the council's own data centre", "Example Hosting Ltd (servers)", "dpo@anytown.example",
	} {
		if !strings.Contains(flat, says) {
			w.t.Errorf("before the yes nothing says %q:\n%s", says, out)
		}
	}
	for _, line := range strings.Split(out, "\n") {
		if len([]rune(line)) > 80 && !strings.Contains(line, "rollbridge-agent:") {
			w.t.Errorf("a line of %d characters:\n%s", len([]rune(line)), line)
		}
	}
	file := filepath.Join(w.dir, "safe.txt")
	out = w.try(0, "enrol", code, "--accept", "--revocation-code-file", file)
	kept, err := os.ReadFile(file)
	w.must(err)
	revocation := strings.TrimSpace(string(kept))
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 || revocation == "" || strings.Contains(out, revocation) {
		w.t.Errorf("the revocation code is printed, missing, or for everybody's eyes (%v)", err)
	}
	w.mustBeGone(w.agent.Dir, revocation)
	phrase, err := stack.PhraseIn(out)
	w.must(err)
	w.confirm(phrase)
}

// mustBeGone looks for a secret in every file of a directory, and in their names.
func (w *world) mustBeGone(dir string, secrets ...string) {
	w.t.Helper()
	w.must(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		text := []byte(d.Name())
		if d.Type().IsRegular() {
			if text, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		for i, secret := range secrets {
			if strings.Contains(string(text), secret) {
				w.t.Errorf("secret %d is in %s", i, path)
			}
		}
		return nil
	}))
}

// try runs a command of the agent that must end with this code, and returns all
// that it printed.
func (w *world) try(want int, args ...string) string {
	w.t.Helper()
	r, err := w.agent.Try(w.ctx, args...)
	w.must(err)
	if r.Code != want {
		w.t.Fatalf("%s ended with code %d, want %d:\n%s%s", strings.Join(args, " "), r.Code, want, r.Stdout, r.Stderr)
	}
	if slices.Contains(args, "--json") {
		return r.Stdout
	}
	return r.Stdout + r.Stderr
}

// TestProfileWithMoreWaits: a school whose settings, or whose program, come to
// give more than when it said yes, sends nothing of it before the next yes.
func TestProfileWithMoreWaits(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	w.must(os.Mkdir(w.folder(), 0o755))
	w.must(w.school.WriteCSV(w.folder()))
	w.asked = []record.Dataset{record.DatasetPupil, record.DatasetContact, record.DatasetSEN}
	settings := filepath.Join(w.dir, "agent", "agent.yaml")
	w.enrolAt(stack.Folder("csv", w.folder()), w.setUpCollector(stack.CollectorOptions{}), stack.AgentOptions{})
	whole, err := os.ReadFile(settings)
	w.must(err)
	w.must(os.WriteFile(settings, append(whole, []byte("    datasets: {sen: {drop: true}, contact: {columns: {Phones.home: \"\", Phones.mobile: \"\", Phones.work: \"\", Phones.other: \"\"}}}\n")...), 0o600))
	w.try(0, "sync")
	narrow, err := oracle.Question{Datasets: w.asked[:2]}.Answer(w.school)
	w.must(err)
	narrow = without(t, narrow, record.DatasetContact, "Phones")
	w.becomes(narrow)

	w.must(os.WriteFile(settings, whole, 0o600))
	w.must(w.school.EnterCare(w.school.NotLookedAfter()[0].ID, w.school.Authorities()[0], w.school.Today()))
	w.must(w.school.WriteCSV(w.folder()))
	w.try(0, "sync")
	narrow, err = oracle.Question{Datasets: w.asked[:2]}.Answer(w.school)
	w.must(err)
	w.becomes(without(t, narrow, record.DatasetContact, "Phones"))
	if out := w.try(0, "scope", "show"); !strings.Contains(out, "since the school's last yes") || !strings.Contains(out, ".sen (") || !strings.Contains(out, "Phones") {
		t.Errorf("scope show does not name what waits:\n%s", out)
	}
	w.try(0, "scope", "accept", "--yes")
	w.sync()
}

// without is what is there if a dataset has not got a field.
func without(t *testing.T, all oracle.Lines, d record.Dataset, field string) oracle.Lines {
	t.Helper()
	made := oracle.Lines{}
	for key, content := range all {
		if strings.HasPrefix(key, string(d)+"|") {
			r, err := record.Decode(d, []byte(content))
			if err != nil {
				t.Fatal(err)
			}
			record.Keep(r, func(name string) bool { return name != field })
			text, err := record.Encode(r)
			if err != nil {
				t.Fatal(err)
			}
			content = string(text)
		}
		made[key] = content
	}
	return made
}
