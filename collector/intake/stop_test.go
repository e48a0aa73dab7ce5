package intake_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/shared/protocol"
)

// A page is what the public page answered.
type page struct {
	status int
	header http.Header
	body   string
}

func (w *world) form(path string, fields ...string) page {
	w.t.Helper()
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	return w.page(http.MethodPost, path, values.Encode())
}

func (w *world) page(method, path, body string) page {
	w.t.Helper()
	q, err := http.NewRequest(method, w.address+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if method == http.MethodPost {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := w.client.Do(q)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return page{res.StatusCode, res.Header, string(text)}
}

func (p page) says(t *testing.T, status int, words ...string) {
	t.Helper()
	if p.status != status {
		t.Errorf("HTTP %d, want %d", p.status, status)
	}
	for _, w := range words {
		if !strings.Contains(p.body, w) {
			t.Errorf("the page does not say %q:\n%s", w, p.body)
		}
	}
}

// safe is an agent with a code in the head teacher's safe.
func (w *world) safe() (*sender, protocol.RevocationCode) {
	w.t.Helper()
	a, code := w.agent("confirmed", false), protocol.NewRevocationCode()
	hash := code.Hash()
	w.exec("UPDATE agents SET revocation = ? WHERE agent = ?", hash[:], a.id[:])
	return a, code
}

func (w *world) stopRow(destroyed bool) {
	w.t.Helper()
	at := database.Micros(time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC))
	w.exec("INSERT INTO stops (school, generation, source, said_at, hidden_at, destroy_at, hold, records, children) VALUES (?, 1, 'code', ?, ?, ?, ?, 3, 2)",
		school, at, at, at+30*24*3600*1e6, []byte{1})
	if destroyed {
		w.exec("UPDATE stops SET destroyed_at = destroy_at")
	}
}

func TestStopPageFromFormToCertificate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, code := w.safe()
		typed := strings.ToLower(strings.ReplaceAll(code.Reveal(), "-", " "))
		w.page(http.MethodGet, "/stop", "").says(t, http.StatusOK, `<label for="code">`, "cannot be undone", `href="/stop/style.css"`)
		w.form("/stop", "code", typed, "action", "status").says(t, http.StatusOK, "has not stopped", "nothing was changed")
		c := w.form("/stop/certificate", "code", typed)
		c.says(t, http.StatusConflict, `"state":"running"`)
		if w.count("SELECT COUNT(*) FROM stop_requests") != 0 {
			t.Fatal("a look stops the school")
		}
		for range 2 {
			w.form("/stop", "code", typed, "action", "revoke").says(t, http.StatusOK, "Your word is received", "Look again")
		}
		if n := w.count("SELECT COUNT(*) FROM stop_requests WHERE school = ? AND agent = ? AND code = ?", school, a.id[:], code.Reveal()); n != 1 {
			t.Errorf("%d requests are kept", n)
		}
		w.form("/stop/certificate", "code", typed).says(t, http.StatusConflict, `"state":"stopping"`)
		w.stopRow(false)
		w.form("/stop", "code", typed, "action", "status").says(t, http.StatusOK, "The school has stopped", "22 December 2026", "22 November 2026 at 9:30am")
		c = w.form("/stop/certificate", "code", typed)
		c.says(t, http.StatusConflict, `"destroyed_on":"2026-12-22T09:30:00Z"`)
	})
}

// The page speaks Welsh to who asks for it, by a link of its own or by the browser, and
// goes on in it.
func TestStopPageInWelsh(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, code := w.safe()
		w.page(http.MethodGet, "/stop", "").says(t, http.StatusOK, `<html lang="en">`, `href="/stop?language=cy" lang="cy"`)
		w.page(http.MethodGet, "/stop?language=cy", "").says(t, http.StatusOK, `<html lang="cy">`, "Ni ellir dadwneud hyn", `name="language" value="cy"`)
		w.page(http.MethodGet, "/stop?language=xx", "").says(t, http.StatusOK, `<html lang="en">`)
		w.form("/stop", "code", "x", "language", "cy").says(t, http.StatusUnprocessableEntity, "<title>Gwall: ", "Rhowch y cod")
		w.form("/stop", "code", code.Reveal(), "language", "cy").says(t, http.StatusOK, "r ysgol wedi stopio")
		w.form("/stop/certificate", "code", protocol.NewRevocationCode().Reveal(), "language", "cy").says(t, http.StatusNotFound, "yn hysbys yma")
		q, err := http.NewRequest(http.MethodGet, w.address+"/stop", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Accept-Language", "cy-GB,cy;q=0.9,en;q=0.5")
		res, err := w.client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if got := res.Header.Get("Content-Language"); got != "cy" || res.Header.Get("Set-Cookie") != "" {
			t.Errorf("headers %v", res.Header)
		}
	})
}

func TestStopPageGivesTheCertificate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, code := w.safe()
		w.stopRow(true)
		signed, err := protocol.Sign(w.control, protocol.DomainCertificate, protocol.Certificate{Agent: a.id, School: "Hilltop", Records: 3})
		if err != nil {
			t.Fatal(err)
		}
		w.exec("INSERT INTO certificates (school, agent, signed) VALUES (?, ?, ?)", school, a.id[:],
			encode(t, protocol.CertificateFile{Keyring: w.made.Signed, Certificate: signed}))
		w.form("/stop", "code", code.Reveal(), "action", "revoke").says(t, http.StatusOK, "are destroyed", "Download the certificate", "22 December 2026")
		if w.count("SELECT COUNT(*) FROM stop_requests") != 0 {
			t.Error("a school that has stopped is asked for again")
		}
		got := w.form("/stop/certificate", "code", code.Reveal())
		got.says(t, http.StatusOK)
		if got.header.Get("Content-Type") != "application/json" || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment") {
			t.Errorf("headers %v", got.header)
		}
		f, err := protocol.ParseCertificateFile([]byte(got.body))
		if err != nil {
			t.Fatal(err)
		}
		if c, err := f.Verify(w.made.Root); err != nil || c.Agent != a.id || c.Records != 3 {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

func TestStopPageRefuses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.safe()
		right := protocol.NewRevocationCode().Reveal()
		slip := []byte(right)
		if slip[0] == 'A' {
			slip[0] = 'B'
		} else {
			slip[0] = 'A'
		}
		w.form("/stop", "code", string(slip), "action", "revoke").says(t, http.StatusUnprocessableEntity, "slip in the code", "<title>Error: ", `aria-invalid="true"`)
		w.form("/stop", "code", `"><script>x`, "action", "revoke").says(t, http.StatusUnprocessableEntity, "25 letters and digits", "&lt;script&gt;")
		w.form("/stop", "action", "revoke").says(t, http.StatusUnprocessableEntity, "Enter the code")
		w.page(http.MethodPost, "/stop", "code="+strings.Repeat("A", 5000)).says(t, http.StatusBadRequest, "did not arrive")
		// Whoever has no school's code hears the same, whatever was asked.
		one := w.form("/stop", "code", right, "action", "revoke")
		one.says(t, http.StatusNotFound, "not known here", "nothing was stopped")
		other := w.form("/stop", "code", protocol.NewRevocationCode().Reveal(), "action", "status")
		if len(one.body) != len(other.body) || one.status != other.status {
			t.Error("codes that are not known are answered differently")
		}
		w.form("/stop/certificate", "code", right).says(t, http.StatusNotFound, `"error":`)
		// A code in an address is not read.
		w.page(http.MethodPost, "/stop?action=revoke&code="+right, "").says(t, http.StatusUnprocessableEntity, "Enter the code")
		if w.count("SELECT COUNT(*) FROM stop_requests") != 0 {
			t.Error("something was kept")
		}
		if log := w.log.String(); strings.Contains(log, right) || strings.Contains(log, strings.ReplaceAll(right, "-", "")) {
			t.Error("a code is in the log")
		}
	})
}

func TestStopPageIsAPageOfItsOwn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, code := w.safe()
		for name, p := range map[string]page{"form": w.page(http.MethodGet, "/stop", ""), "answer": w.form("/stop", "code", code.Reveal()),
			"error": w.form("/stop", "code", "x"), "certificate": w.form("/stop/certificate", "code", code.Reveal())} {
			if csp := p.header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "script-src") {
				t.Errorf("%s: policy %q", name, csp)
			}
			if p.header.Get("Cache-Control") != "no-store" || p.header.Get("Referrer-Policy") != "no-referrer" || p.header.Get("Set-Cookie") != "" {
				t.Errorf("%s: headers %v", name, p.header)
			}
			for _, banned := range []string{"<script", " style=", "<style", "http://", "https://", "onclick"} {
				if strings.Contains(p.body, banned) {
					t.Errorf("%s holds %s", name, banned)
				}
			}
		}
		css := w.page(http.MethodGet, "/stop/style.css", "")
		if css.status != http.StatusOK || !strings.HasPrefix(css.header.Get("Content-Type"), "text/css") || strings.Contains(css.body, "url(") {
			t.Errorf("stylesheet %d %v", css.status, css.header)
		}
	})
}

func TestStopPageIsBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		limited := 0
		for n := range 30 {
			p := w.form("/stop", "code", fmt.Sprint(n))
			if p.status == http.StatusTooManyRequests {
				limited++
				if p.header.Get("Retry-After") == "" || !strings.Contains(p.body, "Wait a minute") {
					t.Errorf("it does not say when to come again: %v", p.header)
				}
			}
		}
		if limited < 15 {
			t.Errorf("%d of 30 posts were turned away", limited)
		}
		var refused struct{ Error string }
		if p := w.form("/stop/certificate", "code", "x"); p.status != http.StatusTooManyRequests || json.NewDecoder(bytes.NewBufferString(p.body)).Decode(&refused) != nil || refused.Error == "" {
			t.Errorf("HTTP %d %s", p.status, p.body)
		}
		// The page itself is for everybody.
		w.page(http.MethodGet, "/stop", "").says(t, http.StatusOK)
	})
}
