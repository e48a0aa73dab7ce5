package supervise

// The lines by which a worker speaks to whoever supervises it, on its standard
// output. The first word is the event; either side passes over what it does not
// know, so that an old supervisor runs a new worker. The end of its standard
// input tells the worker to stop. This, and how a worker is started
// (`run --until-stdin-closes` and where its settings are), never changes
// incompatibly.
const (
	// Ready says that the worker works, after its self-test.
	Ready = "ready"
	// SelfTest is followed by a code, and perhaps by where: something that every
	// version must be able to use cannot be used. It comes before Ready.
	SelfTest = "selftest"
	// Alive comes every Beat while the worker's own loops and locks answer.
	Alive = "alive"
	// Checked says that the updater's loop has turned, whatever came of it: also
	// where the repository was not reached, or the school's pause forbids to look. It
	// comes within the first minutes of a worker, and at least daily.
	Checked = "checked"
	// Wish asks the supervisor to look at the wish now; it looks by itself too.
	Wish = "wish"
)
