package alarm_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/alarm"
	"rollbridge/collector/language"
	"rollbridge/shared/status"
)

var placeholder = regexp.MustCompile(`\{\{\.(\w+)\}\}`)

// The pages say in English what the commands say, word for word, and all of it in Welsh.
func TestPagesSayTheSame(t *testing.T) {
	en, cy := language.In(language.English), language.In(language.Welsh)
	for key, want := range alarm.Texts() {
		var pairs []any
		for _, m := range placeholder.FindAllStringSubmatch(want, -1) {
			pairs = append(pairs, m[1], m[0]) // each placeholder stands for itself
		}
		if got := en.T(key, pairs...); got != want || want == "" {
			t.Errorf("%s: the pages say %q, the commands %q", key, got, want)
		}
		if got := cy.T(key, pairs...); got == key || got == want {
			t.Errorf("%s in Welsh: %q", key, got)
		}
		if strings.Count(want, "`")%2 != 0 {
			t.Errorf("%s: a command in it does not end: %q", key, want)
		}
	}
}

// What a program said stays between its backquotes; days are those of the reader.
func TestValues(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	fault := alarm.Say(alarm.ReleasesUnread, map[string]status.Value{"Fault": alarm.Fault(errors.New("see `this`"))})
	if got := fault.Words(now, nil); got != "The releases cannot be read: `see 'this'`. See `release status`." {
		t.Error(got)
	}
	ends := alarm.Say(alarm.RootExpires, map[string]status.Value{"Day": alarm.Day(now.AddDate(0, 0, 9)), "Days": {Text: "9"}})
	if got := ends.Words(now, nil); got != "The root metadata of releases expires on Wed 2 Dec (days left: 9): renew it with `release root`." {
		t.Error(got)
	}
	if got := language.In(language.Welsh).Part(ends, now); !strings.Contains(got, "Mer 2 Rhag") {
		t.Error(got)
	}
}
