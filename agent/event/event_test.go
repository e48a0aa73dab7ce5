package event

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollbridge/shared/logkey"
)

// To write the page anew: go test ./agent/event -run TestEventsPage -update
var update = flag.Bool("update", false, "write docs/school/events.md anew")

const page = "../../docs/school/events.md"

// docs/school/events.md is the list.
func TestEventsPage(t *testing.T) {
	want := pageOf(All())
	now, err := os.ReadFile(page)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if string(now) == want {
		return
	}
	if !*update {
		t.Fatalf("%s differs from the list of events: run this test with -update and read what changes", page)
	}
	if err := os.MkdirAll(filepath.Dir(page), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func pageOf(list []Event) string {
	var b strings.Builder
	b.WriteString(`<!-- Made of agent/event by its test with -update; not to be edited. -->
# Events

What a school's IT may watch for. On Windows events stand in the Event Log (Application) under the source ` + "`" + Source + "`" + `
with the number as event id; on Linux in the journal of the service, where each line of an event has
` + "`event=NUMBER`" + ` (or ` + "`\"event\":NUMBER`" + ` where the log is JSON). Numbers keep their meaning from version to
version. No event holds anything about a pupil. One is written when something begins, and again when the service
starts while it still stands; with several schools in one service ` + "`school`" + ` names the directory of the school.

    Get-WinEvent -FilterHashtable @{LogName='Application'; ProviderName='Rollbridge'; Level=2,3}
    journalctl -u rollbridge-agent -g 'event=[2-5]'

| id | level | what it means | what to do |
|---|---|---|---|
`)
	level := map[slog.Level]string{slog.LevelInfo: "information", slog.LevelWarn: "warning", slog.LevelError: "error"}
	for _, e := range list {
		do := e.Do
		if do == "" {
			do = "Nothing."
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", e.ID, level[e.Level], e.Means, do)
	}
	return b.String()
}

func TestTheListIsWhole(t *testing.T) {
	last := ID(0)
	for _, e := range All() {
		if e.ID <= last {
			t.Errorf("%d does not come after %d: Of searches by number", e.ID, last)
		}
		last = e.ID
		if got, found := Of(e.ID); !found || got != e {
			t.Errorf("Of(%d) is %v, %v", e.ID, got, found)
		}
		for _, s := range []string{e.Means, e.Do} {
			if s != "" && (!strings.HasSuffix(s, ".") || strings.Contains(s, "|")) {
				t.Errorf("%d: %q is not a sentence for the table", e.ID, s)
			}
		}
		if e.Means == "" || e.Level > slog.LevelInfo && e.Do == "" {
			t.Errorf("%d does not say what it means and what to do", e.ID)
		}
	}
	if _, found := Of(1); found {
		t.Error("1 is an event")
	}
}

type kept struct {
	ids   []ID
	texts []string
	err   error
}

func (k *kept) write(e Event, text string) error {
	k.ids, k.texts = append(k.ids, e.ID), append(k.texts, text)
	return k.err
}

// Lines with a number of the list are events, whatever level the log has, and
// tell what the line tells; other lines are not.
func TestHandler(t *testing.T) {
	var out bytes.Buffer
	var sink kept
	log := slog.New(&handler{Handler: slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn}), sink: &sink})
	log.Info("the agent runs", logkey.Event, int(Started), logkey.Version, "1.2.3")
	log.With(logkey.School, "oakmere").Warn("nothing could be sent for a day", logkey.Event, Silent, logkey.Error, "the proxy could not be reached")
	log.Warn("no event")
	log.Warn("a number that is none", logkey.Event, 7)
	if len(sink.ids) != 2 || sink.ids[0] != Started || sink.ids[1] != Silent {
		t.Fatalf("the events are %v", sink.ids)
	}
	want := "Nothing could be sent for a day; the reason stands with it. What is sealed waits and is not lost.\n" +
		"Run `rollbridge-agent check`: it names what is in the way and whom to ask.\n\n" +
		"nothing could be sent for a day\nschool: oakmere\nerror: the proxy could not be reached"
	if sink.texts[1] != want {
		t.Errorf("the event reads\n%s\nwant\n%s", sink.texts[1], want)
	}
	if !strings.Contains(sink.texts[0], "version: 1.2.3") {
		t.Errorf("the event reads %q", sink.texts[0])
	}
	if strings.Contains(out.String(), "the agent runs") || !strings.Contains(out.String(), "event=2100") {
		t.Errorf("the log is\n%s", out.String())
	}
}

// An Event Log that is full or away neither stops the log nor goes unsaid.
func TestAnEventThatCannotBeWritten(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(&handler{Handler: slog.NewTextHandler(&out, nil), sink: &kept{err: errors.New("the log is full")}})
	log.Error("the worker ended", logkey.Event, Crashed)
	for _, want := range []string{"the worker ended", "an event could not be written to the Event Log", "the log is full"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, out.String())
		}
	}
}
