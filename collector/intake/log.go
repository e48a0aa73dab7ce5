package intake

import (
	"log"
	"log/slog"
)

// quiet is where net/http tells of broken connections and handshakes: the
// internet's noise, of use only to someone who looks for it.
func quiet(l *slog.Logger) *log.Logger { return slog.NewLogLogger(l.Handler(), slog.LevelDebug) }
