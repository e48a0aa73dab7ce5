package sqlserver

import (
	"context"
	"fmt"
	"strings"
	"testing"

	mssql "github.com/microsoft/go-mssqldb"
)

func sessionFor(s Settings) *Session {
	return &Session{settings: s, wire: &wire{}, trust: &trust{}}
}

func parsed(t *testing.T, text string) Select {
	t.Helper()
	q, err := ParseSelect(text)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestEachNumberHasOneMeaning(t *testing.T) {
	seen := map[int32]bool{}
	for _, m := range meanings {
		for _, n := range m.does {
			if seen[n] {
				t.Errorf("%d stands twice", n)
			}
			seen[n] = true
		}
	}
	for n, reason := range map[int32]Reason{
		18456: Login, 18470: Login, 18486: Login, 18487: Login, 18488: Login, 4060: Database, 916: Database,
		207: Schema, 208: Schema, 229: Right, 230: Right, 297: Right, 300: Right, 1222: Busy, 1205: Busy, 3952: Busy, 3960: Busy,
		245: Data, 8114: Data, 8115: Data, 241: Data, 242: Data, 6005: Down, 823: Down,
	} {
		if m := byNumber[n]; m == nil || m.reason != reason {
			t.Errorf("%d is not %s", n, reason)
		}
	}
}

// TestServerFaultKeepsTheServersWordsBack sends each number with a message full
// of what must not be passed on.
func TestServerFaultKeepsTheServersWordsBack(t *testing.T) {
	s := sessionFor(good())
	q := parsed(t, "SELECT p.pupil, p.UPN FROM rollbridge.pupil AS p JOIN rollbridge.care AS c ON c.pupil = p.pupil")
	check := func(number int32, class uint8) {
		secret := "Conversion failed when converting the nvarchar value 'Canary Smith' to data type int in 'Canary'."
		f := s.serverFault(mssql.Error{Number: number, Class: class, Message: secret}, request{query: q})
		if strings.Contains(f.Error()+f.Object, "Canary") || strings.Contains(f.Text, good().Password) {
			t.Errorf("%d passes the server's words on: %v", number, f)
		}
		if f.Number != number || f.Reason == "" || strings.ContainsAny(f.Text, "{}%") || len(f.Text) < 60 {
			t.Errorf("%d: %+v", number, f)
		}
	}
	for n := range byNumber {
		check(n, 16)
	}
	for class := uint8(11); class <= 25; class++ {
		check(987654, class)
	}
}

func TestServerFaultNamesWhatTheQueryNames(t *testing.T) {
	s := sessionFor(good())
	q := parsed(t, "SELECT p.pupil, p.[UPN] FROM rollbridge.pupil AS p JOIN rollbridge.care AS c ON c.pupil = p.pupil")
	for _, c := range []struct {
		number  int32
		message string
		object  string
		says    []string
	}{
		{229, "The SELECT permission was denied on the object 'care', database 'MIS', schema 'rollbridge'.", "[rollbridge].[care]",
			[]string{"GRANT SELECT ON [rollbridge].[care] TO [rollbridge_agent]", "error 229"}},
		{208, "Invalid object name 'rollbridge.pupil'.", "[rollbridge].[pupil]", []string{"[rollbridge].[pupil] does not exist"}},
		{207, "Invalid column name 'upn'.", "", []string{"[UPN]", "[rollbridge].[pupil], [rollbridge].[care]"}},
		{207, "Ungültiger Spaltenname \"UPN\".", "", []string{"[UPN]"}},
		{229, "The SELECT permission was denied on the object 'Student', database 'MIS', schema 'mis'.", "", []string{"[rollbridge].[pupil], [rollbridge].[care]", "same owner"}},
		{229, "The SELECT permission was denied on the object 'pupil', database 'MIS', schema 'mis'.", "", []string{"same owner"}},
		{230, "The SELECT permission was denied on the column 'UPN' of the object 'pupil', database 'MIS', schema 'rollbridge'.", "[rollbridge].[pupil]",
			[]string{"to run in MIS: GRANT SELECT ON [rollbridge].[pupil] TO [rollbridge_agent]"}},
		{208, "Invalid object name 'x'.", "", []string{"GRANT SELECT ON [rollbridge].[pupil] TO [rollbridge_agent]; GRANT SELECT ON [rollbridge].[care] TO [rollbridge_agent]"}},
		{4413, "Could not use view or function 'rollbridge.care' because of binding errors.", "[rollbridge].[care]", []string{"EXEC sp_refreshview N'[rollbridge].[care]'"}},
		{4060, "Cannot open database", "", []string{"CREATE USER [rollbridge_agent] FOR LOGIN [rollbridge_agent]", "MIS"}},
		{18470, "disabled", "", []string{"ALTER LOGIN [rollbridge_agent] ENABLE"}},
		{1222, "Lock request time out", "", []string{"5s"}},
	} {
		f := s.serverFault(mssql.Error{Number: c.number, Message: c.message}, request{query: q})
		if f.Object != c.object {
			t.Errorf("%d: object %q, want %q", c.number, f.Object, c.object)
		}
		for _, part := range c.says {
			if !strings.Contains(f.Text, part) {
				t.Errorf("%d does not say %q: %s", c.number, part, f.Text)
			}
		}
	}
}

func TestServerFaultChoosesTheErrorThatSaysMost(t *testing.T) {
	s := sessionFor(good())
	all := func(numbers ...int32) mssql.Error {
		var e mssql.Error
		for _, n := range numbers {
			e.All = append(e.All, mssql.Error{Number: n})
		}
		e.Number = numbers[len(numbers)-1]
		return e
	}
	for _, c := range []struct {
		sent []int32
		want int32
	}{
		{[]int32{4060, 18456}, 4060}, {[]int32{18456, 4060}, 4060}, {[]int32{18456}, 18456},
		{[]int32{208, 4413}, 4413}, {[]int32{245, 3621}, 245}, {[]int32{987654, 229}, 229}, {[]int32{987654}, 987654},
	} {
		if f := s.serverFault(all(c.sent...), request{}); f.Number != c.want {
			t.Errorf("%v: chose %d, want %d", c.sent, f.Number, c.want)
		}
	}
}

// A login that is in has its user: what 916 is about then is another database.
func TestOtherDatabase(t *testing.T) {
	s := sessionFor(good())
	q := parsed(t, "SELECT p.pupil FROM rollbridge.pupil AS p")
	e := mssql.Error{Number: 916, Message: "The server principal \"x\" is not able to access the database \"Canary\" under the current security context."}
	if f := s.serverFault(e, request{query: q, text: q.Text()}); f.Reason != Database || !strings.Contains(f.Text, "[rollbridge].[pupil] takes rows from another database") || strings.Contains(f.Text, "Canary") {
		t.Errorf("while asking: %+v", f)
	}
	if f := s.serverFault(e, request{}); !strings.Contains(f.Text, "CREATE USER") {
		t.Errorf("while signing on: %+v", f)
	}
}

// TestFaultOrder: what the caller wants comes before what the server says, and
// that before the time limit.
func TestFaultOrder(t *testing.T) {
	s := sessionFor(good())
	open, over := context.Background(), cancelled()
	server := fmt.Errorf("query: %w", mssql.Error{Number: 1205})
	if err := s.fault(over, over, request{}, server); err == nil || strings.Contains(err.Error(), "1205") {
		t.Errorf("cancelled: %v", err)
	}
	for _, c := range []struct {
		limit context.Context
		err   error
		want  Reason
	}{
		{over, server, Busy}, {over, over.Err(), Slow}, {open, fmt.Errorf("no idea"), Down}, {open, errRefused, Setting},
		{open, &Fault{Reason: Schema}, Schema},
	} {
		f, ok := s.fault(open, c.limit, request{}, c.err).(*Fault)
		if !ok || f.Reason != c.want {
			t.Errorf("%v: %+v, want %s", c.err, f, c.want)
		}
	}
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
