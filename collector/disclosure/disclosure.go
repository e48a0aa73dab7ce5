// Package disclosure says where a weakness is reported to: /.well-known/security.txt, as
// RFC 9116 has it, on the portal and on intake.
//
// It guarantees that the file never expires: it says each day that it is good for another
// three months, which is true for as long as somebody runs the collector. Without a
// contact there is no file.
//
// Start reading at Notice.
package disclosure

import (
	"net/http"
	"strings"
	"time"
)

// Path is where the file stands.
const Path = "/.well-known/security.txt"

// good is for how long the file says that it holds.
const good = 90 * 24 * time.Hour

// A Notice is what the file says. Its values have no line ends: the settings see to it.
type Notice struct {
	// Contact is an address; empty is no file. Policy may be empty.
	Contact, Policy string
}

// Text is the file as it stands on a day.
func (n Notice) Text(now time.Time) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			b.WriteString(name + ": " + value + "\n")
		}
	}
	line("Contact", n.Contact)
	line("Expires", now.UTC().Truncate(24*time.Hour).Add(good).Format(time.RFC3339))
	line("Policy", n.Policy)
	line("Preferred-Languages", "en, cy")
	return b.String()
}

// Serve answers with the file, or that there is none.
func (n Notice) Serve(w http.ResponseWriter, now time.Time) {
	if n.Contact == "" {
		http.Error(w, "There is nothing at this address.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(n.Text(now))) // the reader went away
}
