package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
	"rollbridge/shared/status"
)

// A screen is a person of one authority in front of the portal.
type screen struct {
	*world
	person  *stack.Person
	browser *stack.Browser
	shown   map[status.Word]bool
}

// inFront signs an administrator of the authority with the most children in.
func (w *world) inFront() *screen {
	w.t.Helper()
	_, authority := w.most()
	person, err := w.collector.Join(w.ctx, stack.Person{Name: "jo.lee", Role: "administrator", Authorities: []string{authority}})
	w.must(err)
	return &screen{world: w, person: person, shown: map[status.Word]bool{}}
}

// most is the authority with the most children at the school, and how many.
func (w *world) most() (n int, authority string) {
	count := map[string]int{}
	for _, p := range w.school.LookedAfter() {
		count[p.CareAuthority]++
	}
	for _, code := range w.school.Authorities() {
		if count[code] > n {
			n, authority = count[code], code
		}
	}
	return n, authority
}

// open asks for a page, and signs in where the last session has ended: the clock
// is set forward by hours.
func (s *screen) open(path string) string {
	s.t.Helper()
	for range 2 {
		if s.browser == nil {
			var err error
			s.browser, err = s.collector.As(s.ctx, s.person)
			s.must(err)
		}
		page, err := s.browser.Get(s.ctx, path)
		s.must(err)
		if page.Code == http.StatusOK {
			return page.Body
		}
		s.browser = nil
	}
	s.t.Fatalf("%s is not shown", path)
	return ""
}

func (s *screen) send(path string, pairs ...string) {
	s.t.Helper()
	s.open("/") // so that the session stands
	page, err := s.browser.Post(s.ctx, path, pairs...)
	s.must(err)
	if page.Code != http.StatusSeeOther {
		s.t.Fatalf("the form of %s was answered with %d:\n%s", path, page.Code, page.Body)
	}
}

var tags = regexp.MustCompile(`(?s)class="govuk-tag[^"]*">([^<]+)<`)

// rowOf is the row of the school in a page's table, empty if there is none.
func rowOf(body string) string {
	for _, row := range regexp.MustCompile(`(?s)<tr class="govuk-table__row">.*?</tr>`).FindAllString(body, -1) {
		if strings.Contains(row, demoschool.SchoolName) {
			return row
		}
	}
	return ""
}

func wordIn(row string) status.Word {
	m := tags.FindStringSubmatch(row)
	if m == nil {
		return ""
	}
	return status.Word(m[1])
}

// word waits until collector and screen say this word of the morning: the list of
// schools, the page of the school, and Today, which has the school on its list
// where it is to be phoned.
func (s *screen) word(want status.Word, phone bool) string {
	s.t.Helper()
	s.world.word(want)
	s.shown[want] = true
	if got := wordIn(rowOf(s.open("/schools"))); got != want {
		s.t.Errorf("the list of schools says %q, want %q", got, want)
	}
	if page := s.open("/schools/" + schoolID); !slices.ContainsFunc(tags.FindAllStringSubmatch(page, -1), func(m []string) bool { return m[1] == string(want) }) {
		s.t.Errorf("the school's page does not say %q", want)
	}
	today := s.open("/?session=am")
	row := rowOf(today)
	// A school whose register is in is on the list for a child, if for anything.
	if got := wordIn(row); phone && got != want || !phone && want != status.Received && row != "" {
		s.t.Errorf("Today says %q of the school while it is %q:\n%s", got, want, row)
	}
	return today
}

// figures are the figures of Today; one that is not known is -1.
func figures(t *testing.T, today string) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, m := range regexp.MustCompile(`(?s)today-count--(\w+)">.*?<a [^>]*>([^<]*)<`).FindAllStringSubmatch(today, -1) {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			n = -1
		}
		found[m[1]] = n
	}
	if len(found) != 7 {
		t.Errorf("Today has the figures %v", found)
	}
	return found
}

// known are those of whom a figure is known, and the ones not received.
func known(found map[string]int) (n, missing int) {
	for _, state := range []string{"absent_no_reason", "no_mark", "absent_reason", "present", "not_in_session"} {
		n += max(0, found[state])
	}
	return n, found["not_received"]
}

// TestEveryWordReachesTheScreen traces each status word from what happens at the
// school, through the real agent and the collector, to what the authority reads.
func TestEveryWordReachesTheScreen(t *testing.T) {
	monday := nextMonday(time.Now())
	clock := filepath.Join(t.TempDir(), "clock")
	at(t, clock, monday, "08:00")
	config := small()
	config.Today = demoschool.Date(monday.Year(), monday.Month(), monday.Day())
	w, code := newWorldOn(t, config, stack.CollectorOptions{Clock: clock}, reportingCopy())
	s := w.inFront()
	all, _ := w.most()
	if all < 3 {
		t.Fatalf("the demo school has only %d children of one authority", all)
	}
	s.word(status.NotSetUp, true)
	w.writeAt(clock)
	w.enrolAt(w.source(), code, stack.AgentOptions{Clock: clock})

	at(t, clock, monday, "09:00")
	w.writeAt(clock)
	w.sync()
	s.missing(s.word(status.Due, false), all)
	at(t, clock, monday, "09:50")
	w.sync()
	s.missing(s.word(status.Late, false), all)
	at(t, clock, monday, "10:20")
	w.sync()
	s.missing(s.word(status.NotReceived, true), all)
	w.writeAt(clock)
	w.sync()
	s.received(all)
	s.paused()
	s.byPhone()
	s.closed(monday)
	s.held(clock, monday)
	s.stopped()
	for _, word := range status.Words() {
		if !s.shown[word] {
			t.Errorf("%q was never shown", word)
		}
	}
}

// missing: no mark is known before the register is in, whatever the agent has sent.
func (s *screen) missing(today string, all int) {
	s.t.Helper()
	found := figures(s.t, today)
	if n, missing := known(found); n != 0 || missing != all || found["present"] != -1 {
		s.t.Errorf("before the register is in, Today counts %v of %d children", found, all)
	}
}

// received: each child has one state, and its name stands on one list.
func (s *screen) received(all int) {
	s.t.Helper()
	found := figures(s.t, s.word(status.Received, false))
	if n, missing := known(found); n != all || missing != 0 {
		s.t.Errorf("with the register in, Today counts %v of %d children", found, all)
	}
	for state, n := range found {
		if state == "phone" {
			continue
		}
		list := s.open("/today/children?session=am&state=" + state)
		if got := strings.Count(list, `href="/children/`+schoolID+"/"); got != n {
			s.t.Errorf("the list %s names %d children, Today counts %d", state, got, n)
		}
	}
}

func (s *screen) paused() {
	s.t.Helper()
	_, err := s.agent.Command(s.ctx, "pause", "--until", "48h")
	s.must(err)
	_, err = s.agent.Start(s.ctx)
	s.must(err)
	s.word(status.Paused, false)
	s.must(s.agent.Close())
	_, err = s.agent.Command(s.ctx, "resume")
	s.must(err)
	s.sync()
	s.word(status.Received, false)
}

// byPhone and closed are what the authority itself enters.
func (s *screen) byPhone() {
	s.t.Helper()
	s.send("/schools/"+schoolID+"/by-phone", "reason", "moving")
	s.word(status.ByPhone, true)
	s.send("/schools/"+schoolID+"/by-phone", "end", "yes")
	s.word(status.Received, false)
}

func (s *screen) closed(day time.Time) {
	s.t.Helper()
	s.send("/schools/"+schoolID+"/days", "kind", "inset", "session", "day",
		"first-day", fmt.Sprint(day.Day()), "first-month", fmt.Sprint(int(day.Month())), "first-year", fmt.Sprint(day.Year()))
	today := s.word(status.NotInSession, false)
	if !strings.Contains(today, "No school is in session. INSET day") {
		s.t.Errorf("Today does not say that no school is in session:\n%s", today)
	}
	entry := regexp.MustCompile(`name="entry" value="([^"]*)"`).FindStringSubmatch(s.open("/schools/" + schoolID + "/days"))
	if entry == nil {
		s.t.Fatal("the INSET day cannot be removed")
	}
	s.send("/schools/"+schoolID+"/days/remove", "entry", entry[1])
	s.word(status.Received, false)
}

// held: the children of the authority are gone at once, and the agent keeps that
// back. The marks of this morning stand as they came; on the day after nothing of
// theirs is shown as that day's, and the school is to be phoned.
func (s *screen) held(clock string, monday time.Time) {
	s.t.Helper()
	all, authority := s.most()
	for _, p := range s.school.LookedAfter() {
		if p.CareAuthority == authority {
			s.must(s.school.LeaveCare(p.ID, s.school.Today()))
		}
	}
	s.writeAt(clock)
	_, err := s.agent.Try(s.ctx, "sync")
	s.must(err)
	found := figures(s.t, s.word(status.Held, false))
	if n, missing := known(found); n != all || missing != 0 {
		s.t.Errorf("Today counts %v of %d children who wait to be removed", found, all)
	}
	at(s.t, clock, monday.AddDate(0, 0, 1), "10:20")
	s.writeAt(clock)
	_, err = s.agent.Try(s.ctx, "sync")
	s.must(err)
	var today string
	s.must(stack.Await(s.ctx, "the school to be on Tuesday's list", func() (bool, error) {
		today = s.open("/?session=am")
		return wordIn(rowOf(today)) == status.Held, nil
	}))
	if found := figures(s.t, today); found["no_mark"]+found["not_received"] != all || found["present"] > 0 {
		s.t.Errorf("on the day after, Today counts %v of %d children who wait to be removed", found, all)
	}
}

// stopped: the school's data are hidden at once, and it is phoned each day.
func (s *screen) stopped() {
	s.t.Helper()
	_, err := s.agent.Command(s.ctx, "revoke", "--yes")
	s.must(err)
	_, err = s.agent.Start(s.ctx)
	s.must(err)
	today := s.word(status.Stopped, true)
	if n, missing := known(figures(s.t, today)); n != 0 || missing != 0 || !strings.Contains(rowOf(today), "hidden") {
		s.t.Errorf("Today shows children of a school that has stopped:\n%s", rowOf(today))
	}
}
