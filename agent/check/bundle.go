package check

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"rollbridge/agent/logbook"
	"rollbridge/agent/mis"
	"rollbridge/agent/school"
	"rollbridge/agent/secret"
	"rollbridge/shared/config"
	"rollbridge/shared/record"
	"rollbridge/shared/version"
)

// A Found is everything that a check came to know, of which a bundle takes what
// is allowed.
type Found struct {
	Report    Report
	Explained config.Explained
	DataDir   string
	Status    *school.Status // nil where it could not be had
	Log       []Logged       // of the running service
}

// WriteBundle writes the file for whoever helps. It is there whole or not at
// all, only its owner may read it, and no file is ever replaced.
func WriteBundle(path string, f Found) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("write the bundle: %s is there already: give another name, or remove it", path)
	}
	data, err := pack(f)
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	made, err := os.CreateTemp(filepath.Dir(path), ".rollbridge-bundle-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	_, err = made.Write(data)
	if err == nil {
		err = made.Sync()
	}
	if err = errors.Join(err, made.Close()); err == nil {
		err = secret.GiveName(made.Name(), path)
	}
	if removed := os.Remove(made.Name()); err == nil && !errors.Is(removed, fs.ErrNotExist) {
		err = removed
	}
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	return nil
}

// pack makes the zip.
func pack(f Found) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, part := range []struct {
		name string
		v    any
	}{
		{"about.json", aboutProgram()}, {"check.json", reduced(f.Report)}, {"settings.json", settingsOf(f.Explained)},
		{"status.json", statusOf(f.Status)}, {"logbook.json", eventsOf(f.DataDir)}, {"log.json", f.Log},
	} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: part.name, Method: zip.Deflate, Modified: time.Now().UTC()})
		if err != nil {
			return nil, err
		}
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		if err := e.Encode(part.v); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

type program struct {
	Version string    `json:"version"`
	System  string    `json:"system"`
	Go      string    `json:"go"`
	Made    time.Time `json:"made"`
	Zone    int       `json:"zone_seconds"` // east of UTC
}

func aboutProgram() program {
	made := now()
	_, zone := made.Local().Zone()
	return program{Version: version.Version, System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Made: made.UTC(), Zone: zone}
}

// A brief is a line without its sentences, which name hosts, files and users.
type brief struct {
	ID      ID     `json:"id"`
	Subject string `json:"subject,omitempty"`
	State   State  `json:"state"`
	Cause   Cause  `json:"cause"`
	Number  int64  `json:"number,omitempty"`
}

func reduced(r Report) any {
	lines := []brief{}
	for _, l := range r.Lines {
		b := brief{ID: l.ID, State: l.State, Cause: l.Cause, Number: l.Number}
		if slices.Contains(record.Datasets(), record.Dataset(l.Subject)) {
			b.Subject = l.Subject
		}
		lines = append(lines, b)
	}
	return map[string]any{"lines": lines, "worst": r.Worst}
}

// told are the settings whose values a bundle holds: numbers, yes or no, and
// words of closed lists. Of all others it says only where they come from.
var told = []string{
	"mis.delimiter", "mis.encoding", "mis.dates", "mis.null_means", "mis.nation", "mis.settle_seconds", "mis.final_newline",
	"mis.server.port", "mis.server.login", "mis.server.encryption", "mis.server.tls_min", "mis.server.old_ciphers",
	"mis.server.query_seconds", "mis.server.lock_seconds", "mis.command.report_seconds", "mis.api.request_seconds",
	"uplink.proxy_login", "schedule.times", "updates.ring", "updates.window", "updates.hold_days", "log.format", "log.level",
}

type setting struct {
	Key   string `json:"key"`
	From  string `json:"from"` // default, file, environment or flag
	Value string `json:"value,omitempty"`
}

func settingsOf(e config.Explained) []setting {
	all := []setting{}
	for _, s := range e {
		from, _, _ := strings.Cut(s.Origin, " ")
		one := setting{Key: s.Key, From: from}
		if !knownKey(s.Key) {
			one.Key = "other"
		}
		dataset := strings.HasPrefix(s.Key, "mis.datasets.") && (strings.HasSuffix(s.Key, ".complete") || strings.HasSuffix(s.Key, ".drop"))
		profile := s.Key == "mis.profile" && slices.Contains(mis.ProfileNames(), s.Value)
		if (slices.Contains(told, s.Key) || dataset || profile) && valueWord.MatchString(s.Value) {
			one.Value = s.Value
		}
		all = append(all, one)
	}
	return all
}

// valueWord is what numbers, times of day and words of closed lists look like,
// dates as dd/mm/yyyy among them.
var valueWord = regexp.MustCompile(`^[a-z0-9_.:,-]{1,20}(/[a-z]{2,4}){0,2}( ?[a-z0-9:,]{1,80})?$`)

// knownKey is false for the part of a key that a school chooses, such as a
// column's or an interface's name.
func knownKey(key string) bool {
	return !strings.HasPrefix(key, "mis.api.names.") && !strings.Contains(key, ".columns.")
}

// statusOf is how the school stands, in numbers, times and words of closed
// lists.
func statusOf(st *school.Status) any {
	if st == nil {
		return nil
	}
	s := map[string]any{
		"state": st.State, "version": st.Version, "agent": st.Agent, "generation": st.Generation, "reason": st.Reason, "pause": st.Pause,
		"revoke_waits": st.RevokeWaits, "head": st.Head.Sequence, "waiting": st.Waiting, "unoutcomed": st.Unoutcomed, "full": st.Full,
		"last_heard": st.LastHeard, "refused": st.Refused, "problems": st.Problems, "keyring_expires": st.KeyringExpires,
		"oldest": st.Oldest, "intercepted": st.Intercepted != "", "unknown": st.Unknown,
	}
	if r := st.LastRead; r != nil {
		s["last_read"] = map[string]any{"started": r.Started, "ended": r.Ended, "problem": r.Problem, "full": r.Full,
			"upserts": r.Upserts, "removals": r.Removals, "unknown": r.Unknown, "datasets": r.Datasets, "cost": r.Cost, "requests": r.Requests}
	}
	if r := st.LastReceipt; r != nil {
		s["last_receipt"] = map[string]any{"sequence": r.Sequence, "received": r.Received}
	}
	if o := st.LastOutcome; o != nil {
		s["last_outcome"] = o
	}
	holds := []map[string]any{}
	for _, h := range st.Holds {
		holds = append(holds, map[string]any{"why": h.Reason(), "dataset": h.Dataset, "gone": h.Gone, "of": h.Of})
	}
	s["holds"], s["not_given"] = holds, len(st.NotGiven)
	return s
}

// keptEvents is how many of the logbook's newest entries a bundle names.
const keptEvents = 300

// eventsOf are the kinds and times of the newest entries of the logbook.
func eventsOf(dir string) any {
	type entry struct {
		N     uint64    `json:"n"`
		Time  time.Time `json:"time"`
		Event string    `json:"event"`
	}
	f, err := secret.OpenRead(filepath.Join(dir, logbook.FileName))
	if err != nil {
		return nil
	}
	defer f.Close()
	kept := []entry{}
	for r := bufio.NewReader(f); ; {
		text, err := r.ReadBytes('\n')
		var e entry
		if json.Unmarshal(text, &e) == nil && word.MatchString(e.Event) {
			kept = append(kept, e)
			kept = kept[max(0, len(kept)-keptEvents):]
		}
		if errors.Is(err, io.EOF) {
			return kept
		}
		if err != nil {
			return nil
		}
	}
}
