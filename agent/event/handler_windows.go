package event

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc/eventlog"
)

// Handler hands every record on to next, and events to the Event Log too,
// whatever next's level. Where the source is not registered Windows shows the
// same text under the same id, after a remark that it does not know the source.
func Handler(next slog.Handler) slog.Handler {
	return &handler{Handler: next, sink: &windowsLog{}}
}

// windowsLog is the Event Log, opened at the first event and kept open for the
// life of the process.
type windowsLog struct {
	sync.Mutex
	log *eventlog.Log
}

func (w *windowsLog) write(e Event, text string) error {
	w.Lock()
	defer w.Unlock()
	if w.log == nil {
		log, err := eventlog.Open(Source)
		if err != nil {
			return fmt.Errorf("open the Event Log: %w", err)
		}
		w.log = log
	}
	id := uint32(e.ID)
	switch {
	case e.Level >= slog.LevelError:
		return w.log.Error(id, text)
	case e.Level >= slog.LevelWarn:
		return w.log.Warning(id, text)
	}
	return w.log.Info(id, text)
}

// sourceKey is where Windows looks sources up.
const sourceKey = `SYSTEM\CurrentControlSet\Services\EventLog\Application`

// messages are two files of Windows that know a text for every id up to 65535,
// namely what the event itself says: the one of .NET Framework 4, which is part
// of every Windows that Go runs on, on its two paths. (EventCreate.exe, which is
// often used, knows ids up to 1000 only.)
const messages = `%SystemRoot%\Microsoft.NET\Framework64\v4.0.30319\EventLogMessages.dll;` +
	`%SystemRoot%\Microsoft.NET\Framework\v4.0.30319\EventLogMessages.dll`

// Register makes the source known to Windows. It may be called again, and mends
// one that was registered otherwise. It takes an administrator.
func Register() error {
	if err := Unregister(); err != nil {
		return err
	}
	if err := eventlog.Install(Source, messages, true, eventlog.Error|eventlog.Warning|eventlog.Info); err != nil {
		return fmt.Errorf("register the source %s in the Event Log: %w", Source, err)
	}
	return nil
}

// Unregister takes the source away; what was logged stays. One that is not
// there is no error.
func Unregister() error {
	parent, err := registry.OpenKey(registry.LOCAL_MACHINE, sourceKey, registry.QUERY_VALUE)
	if err != nil {
		return fmt.Errorf("look at the Event Log's sources: %w", err)
	}
	defer parent.Close()
	err = registry.DeleteKey(parent, Source)
	if err != nil && !errors.Is(err, windows.ERROR_FILE_NOT_FOUND) {
		return fmt.Errorf("take the source %s out of the Event Log: %w", Source, err)
	}
	return nil
}
