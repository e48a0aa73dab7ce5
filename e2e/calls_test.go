package e2e

import (
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
	"rollbridge/shared/status"
)

var (
	hiddenInput = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)
	markOfChild = regexp.MustCompile(`name="mark-([0-9a-f]{32})"`)
)

// callForm opens the form that records a call to the school, and gives what it sends
// by itself.
func (s *screen) callForm() (page string, pairs []string) {
	s.t.Helper()
	page = s.open("/calls/new?school=" + schoolID)
	_, form, _ := strings.Cut(page, `<form action="/calls/new"`)
	form, _, _ = strings.Cut(form, "</form>")
	for _, m := range hiddenInput.FindAllStringSubmatch(form, -1) {
		pairs = append(pairs, m[1], m[2])
	}
	return page, pairs
}

// A school whose register does not come is on the list; it is phoned, and the mark
// that it gives stands beside the register that comes later.
func TestASchoolIsPhonedAndTheRegisterComesLater(t *testing.T) {
	monday := nextMonday(time.Now())
	clock := filepath.Join(t.TempDir(), "clock")
	at(t, clock, monday, "08:00")
	config := small()
	config.Today = demoschool.Date(monday.Year(), monday.Month(), monday.Day())
	w, code := newWorldOn(t, config, stack.CollectorOptions{Clock: clock}, reportingCopy())
	s := w.inFront()
	w.writeAt(clock)
	w.enrolAt(w.source(), code, stack.AgentOptions{Clock: clock})
	at(t, clock, monday, "09:00")
	w.writeAt(clock)
	w.sync()
	if row := rowOf(s.open("/calls")); row != "" {
		t.Errorf("the school is to be called before its time:\n%s", row)
	}
	at(t, clock, monday, "10:20")
	w.sync()
	w.word(status.NotReceived)
	if row := rowOf(s.open("/calls")); !strings.Contains(row, "Not received") || !strings.Contains(row, "Nobody has called yet") {
		t.Fatalf("the list says of the school:\n%s", row)
	}

	page, pairs := s.callForm()
	children := markOfChild.FindAllStringSubmatch(page, -1)
	all, _ := w.most()
	if len(children) != all {
		t.Fatalf("the form names %d of %d children", len(children), all)
	}
	for range 2 { // a double click is one call
		answer, err := s.browser.Post(s.ctx, "/calls/new", append(pairs, "outcome", "marked", "mark-"+children[0][1], "M", "note", "The office rang back", "session", "AM")...)
		s.must(err)
		if answer.Code != http.StatusSeeOther {
			t.Fatalf("the form was answered with %d:\n%s", answer.Code, answer.Body)
		}
	}
	if row := rowOf(s.open("/calls")); strings.Count(row, "Marks given by phone") != 1 {
		t.Errorf("after the call the list says of the school:\n%s", row)
	}
	if history := s.open("/calls/history"); !strings.Contains(history, "1 call<") {
		t.Errorf("the history is:\n%s", history)
	}

	at(t, clock, monday, "10:40")
	w.writeAt(clock)
	w.sync()
	s.word(status.Received, false)
	page, _ = s.callForm()
	for _, row := range regexp.MustCompile(`(?s)<tr class="govuk-table__row">.*?</tr>`).FindAllString(page, -1) {
		if !strings.Contains(row, children[0][1]) {
			continue
		}
		if !strings.Contains(row, "By phone M, jo.lee") || !regexp.MustCompile(`(Present|Absent with a reason|Absent, no reason|No mark)`).MatchString(row) {
			t.Errorf("beside the register the form says:\n%s", row)
		}
	}
	beside := 0
	for _, state := range []string{"absent_no_reason", "no_mark", "absent_reason", "present", "not_in_session", "not_received"} {
		beside += strings.Count(s.open("/today/children?session=am&state="+state), "M, noted by jo.lee")
	}
	if beside != 1 {
		t.Errorf("the mark by phone stands beside %d children on Today's lists, want 1", beside)
	}
	w.sound()
}
