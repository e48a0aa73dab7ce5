package cli

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/school"
	"rollbridge/agent/settings"
)

// Not a byte is sent while every school of the computer is paused or has stopped.
func TestSilent(t *testing.T) {
	base := t.TempDir()
	c, err := newCurrency(settings.Defaults(), manySchools(base), &voice{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if c.silent() {
		t.Error("silent without a school")
	}
	enter := func(name string) string {
		dir := filepath.Join(base, name)
		if err := school.MakeDir(dir); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	one, two := enter("one"), enter("two")
	step := func(what string, err error, want bool) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if c.silent() != want {
			t.Errorf("%s: silent is %v", what, !want)
		}
	}
	step("two that wait to be enrolled", nil, false)
	step("one is paused", school.SetPause(one, time.Time{}), false)
	step("one is paused, the other has revoked", school.SetRevoked(two, ""), true)
	_, err = school.EndPause(one)
	step("the pause has ended", err, false)
	step("one was moved", school.SetStop(one, school.Stop{Reason: school.ReasonMoved}), true)
	// What cannot be looked into is no yes.
	aside := base + ".aside"
	err = os.Rename(base, aside)
	if err == nil {
		err = os.WriteFile(base, nil, 0o600)
	}
	step("their directory cannot be looked into", err, true)
	step("it is back", errors.Join(os.Remove(base), os.Rename(aside, base)), true)
	enter("three")
	step("a third comes", nil, false)
}

// A superseded agent is silent until it is enrolled anew.
func TestSilentWhenSuperseded(t *testing.T) {
	dir := t.TempDir()
	c, err := newCurrency(settings.Defaults(), oneSchool(dir), &voice{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	agent, _ := school.Enrolled(dir)
	c.superseded(dir, agent)
	if c.silent() {
		t.Error("silent where nobody is enrolled")
	}
}

// On a computer of many schools what counts stands beside their directories.
func TestSettingsOfSchools(t *testing.T) {
	p := &program{}
	dir := t.TempDir()
	set, err := p.settingsOfSchools(dir)
	if err != nil || set.Updates.HoldDays != 0 {
		t.Fatalf("%+v, %v", set.Updates, err)
	}
	text := "updates:\n  hold_days: 14\n  window: 18:00-05:00\nuplink:\n  proxy: none\n"
	if err := os.WriteFile(filepath.Join(dir, settings.FileName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err = p.settingsOfSchools(dir)
	if err != nil || set.Updates.HoldDays != 14 || set.Updates.Window != "18:00-05:00" || set.Uplink.Proxy != "none" {
		t.Errorf("%+v, %v", set.Updates, err)
	}
	if err := os.WriteFile(filepath.Join(dir, settings.FileName), []byte("updates:\n  hold_days: 99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = p.settingsOfSchools(dir); err == nil || !strings.Contains(err.Error(), "updates.hold_days") {
		t.Errorf("a wrong setting: %v", err)
	}
}
