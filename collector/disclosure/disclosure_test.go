package disclosure

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// At any time the file holds for at least another month, and for less than a year, which
// is what RFC 9116 wants.
func TestNeverExpires(t *testing.T) {
	for now := time.Date(2026, 1, 1, 23, 59, 59, 0, time.UTC); now.Year() < 2029; now = now.Add(37 * time.Hour) {
		text := Notice{Contact: "mailto:security@example.org"}.Text(now)
		_, rest, found := strings.Cut(text, "Expires: ")
		at, err := time.Parse(time.RFC3339, strings.SplitN(rest, "\n", 2)[0])
		if left := at.Sub(now); !found || err != nil || left < 30*24*time.Hour || left > 365*24*time.Hour {
			t.Fatalf("at %v it says %q (%v)", now, text, err)
		}
	}
}

func TestServe(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	w := httptest.NewRecorder()
	Notice{Contact: "tel:+44-1632-960123", Policy: "https://example.org/security"}.Serve(w, now)
	want := "Contact: tel:+44-1632-960123\nExpires: 2027-02-20T00:00:00Z\nPolicy: https://example.org/security\nPreferred-Languages: en, cy\n"
	if w.Code != http.StatusOK || w.Body.String() != want || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%d %v\n%s", w.Code, w.Header(), w.Body)
	}
	w = httptest.NewRecorder()
	if (Notice{}).Serve(w, now); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "Expires") {
		t.Errorf("without a contact: %d %s", w.Code, w.Body)
	}
}
