package check

// An ID names one thing that is looked at. IDs are stable: scripts use them.
type ID string

// A Cause says, in one word of a closed list, what was found. Causes are stable too.
type Cause string

// The things, in the order in which they are printed: each depends on those
// before it at most.
const (
	Settings  ID = "settings"
	Version   ID = "version"
	Directory ID = "directory"
	Access    ID = "access"
	Disk      ID = "disk"
	Service   ID = "service"
	Standing  ID = "standing"
	Proxy     ID = "proxy"
	Name      ID = "name"
	Route     ID = "route"
	TLS       ID = "tls"
	Collector ID = "collector"
	Clock     ID = "clock"
	MIS       ID = "mis"
	Right     ID = "right"
	Excess    ID = "excess"
	Dataset   ID = "dataset"
	Queue     ID = "queue"
	LastSync  ID = "last_sync"
	Holds     ID = "holds"
	Scope     ID = "scope"
	Updates   ID = "updates"
)

// Causes of more than one id.
const (
	Good     Cause = "ok"
	NotTried Cause = "not_tried"
	Missing  Cause = "missing"
	Wrong    Cause = "wrong"
	Refused  Cause = "refused"
	Slow     Cause = "no_answer"
	Broken   Cause = "broken"
	Old      Cause = "old"
	Failed   Cause = "failed"
	Other    Cause = "other"
)

// Whom to ask.
const (
	schoolIT = "school IT"
	manager  = "the network manager"
	misAdmin = "the MIS administrator"
	dba      = "the database administrator"
	operator = "the collector's operator"
	headOrIT = "whoever decides at the school what leaves"
)

// An Entry says what a cause of an id means. Do and Whom are what a line says
// that knows nothing better.
type Entry struct {
	ID    ID
	Cause Cause
	State State
	Means string
	Do    string
	Whom  string
}

// about says what is looked at, in the order of the lines.
var about = []struct {
	ID    ID
	Looks string
}{
	{Settings, "agent.yaml and the variables of the environment are read; a running service is asked whether it works with the same"},
	{Version, "the version of this program, and that of the running service"},
	{Directory, "the data directory is there, and a file can be written, forced to disk and removed in it"},
	{Access, "who owns the data directory, its keys, the queue and the settings, and who else may read or change them"},
	{Disk, "the space that is left, and whether writing meets a full disk, a quota or a read-only disk"},
	{Service, "the service answers on its socket"},
	{Standing, "whether the school is enrolled, paused, or stopped"},
	{Proxy, "which proxy the way to the collector takes, and why; whether it lets the agent through"},
	{Name, "the name of the collector, or of the proxy on the way, is looked up"},
	{Route, "a connection is made to the collector, or to the proxy on the way"},
	{TLS, "a secure connection is made, and the certificate is compared with the key that the last receipt or the code named"},
	{Collector, "the collector is asked, and its answer is proved by its signature; nothing is sent but a check-in, or the question for the offer of a code"},
	{Clock, "the clock of this computer is compared with the time that the collector signed just now"},
	{MIS, "the MIS is reached"},
	{Right, "each right that a read needs, one line for each view, table or sign-in"},
	{Excess, "rights that a read does not need"},
	{Dataset, "each dataset is read as far as that is possible without a pupil's name; nothing is kept"},
	{Queue, "the oldest batch that waits for its receipt"},
	{LastSync, "when the MIS was last read, and how it went"},
	{Holds, "what a safety rule keeps back until a person has looked"},
	{Scope, "what the authorities ask for, beside what the school allows"},
	{Updates, "the repository of releases is asked, and its answer is proved by its signatures; what runs is compared with them, hash for hash"},
}

func place(id ID) int {
	for i, a := range about {
		if a.ID == id {
			return i
		}
	}
	return len(about)
}

// List is every cause of every id, in the order of the lines. "ok" and
// "not_tried" are of all of them and not repeated.
var List = []Entry{
	{Settings, Wrong, Bad, "the settings cannot be used", "put right what is named; `rollbridge-agent config explain` shows every setting", schoolIT},
	{Settings, "service_differs", Warn, "the running service works with other settings than this command finds", "restart the service, so that it reads agent.yaml again; if it has variables of its own, run this command with the same", schoolIT},
	{Version, "service_differs", Warn, "the running service is of another version than this program", "restart the service", schoolIT},
	{Directory, Missing, Warn, "the data directory is not there", "see that the disk is there and that data_dir names the right directory; `rollbridge-agent enrol CODE` makes a new one", schoolIT},
	{Directory, "not_a_directory", Bad, "something else than a directory is in its place", "find out who put it there, and move it away", schoolIT},
	{Directory, "read_only", Bad, "nothing can be written: the disk is read-only, or this account may not write", "make the disk writable, and give the service's account the data directory", schoolIT},
	{Access, "open_to_others", Bad, "other users of this computer can read or change what only the agent may", "take the rights away, and find out who gave them; if keys were open, revoke and enrol again", schoolIT},
	{Access, "other_owner", Bad, "a file belongs to another user than the data directory", "give it to the user that the service runs as", schoolIT},
	{Access, "link", Bad, "there is a link where the agent keeps a file of its own", "find out who put it there, and remove it", schoolIT},
	{Disk, "full", Bad, "there is no room left, or the quota of the account is used up", "make room; nothing is lost meanwhile, and the agent goes on by itself", schoolIT},
	{Disk, "low", Warn, "little room is left", "make room before it is needed", schoolIT},
	{Service, "not_running", Bad, "the service is not running, so nothing is read or sent", "start it: `rollbridge-agent service start`", schoolIT},
	{Service, "not_needed", Warn, "the service is not running, and there is no school for it yet", "`rollbridge-agent service install` makes it start with the computer", schoolIT},
	{Service, "silent", Bad, "the service is there and does not answer", "look into its log, and restart it", schoolIT},
	{Standing, "not_enrolled", Warn, "no school is enrolled here", "ask for an enrolment code and run `rollbridge-agent enrol CODE`", operator},
	{Standing, "enrolling", Warn, "the collector has not yet answered the enrolment", "wait: it is asked again until it answers", operator},
	{Standing, "unconfirmed", Warn, "the operator has not yet compared the phrase", "read the phrase that `rollbridge-agent status` shows to the operator", operator},
	{Standing, "paused", Warn, "the school has paused", "`rollbridge-agent resume` ends the pause", headOrIT},
	{Standing, "revoked", Warn, "the school has revoked", "to begin again, ask for a new code", headOrIT},
	{Standing, "stopped", Bad, "the collector has stopped this agent", "do what `rollbridge-agent status` says", operator},
	{Standing, "damaged", Bad, "the school's keys, queue or logbook cannot be opened", "see what is named; `rollbridge-agent fsck` says more", schoolIT},
	{Proxy, Wrong, Bad, "the setting of the proxy cannot be used", "correct uplink.proxy, or what the environment or Windows names", schoolIT},
	{Proxy, "down", Bad, "the proxy cannot be reached", "check the proxy's address; ask whether it works", manager},
	{Proxy, "login", Bad, "the proxy asks for a name and a password", "put them into uplink.proxy_user and uplink.proxy_password, or have the collector's host exempted from signing in", manager},
	{Proxy, "password", Bad, "the proxy does not accept the name and the password that are given", "correct them in uplink.proxy_user and uplink.proxy_password", manager},
	{Proxy, "login_broken", Bad, "the proxy ends the connection in the middle of signing in", "do what is named", manager},
	{Proxy, "ticket", Bad, "no Kerberos ticket for the proxy could be had", "do what is named", manager},
	{Proxy, Refused, Bad, "the proxy does not let the agent through to the collector", "have the collector's host and port allowed", manager},
	{Name, Missing, Bad, "the name is not found", "check the DNS of this computer; where only the proxy knows names, set uplink.proxy", manager},
	{Name, Slow, Bad, "the name server does not answer", "check the DNS of this computer", manager},
	{Route, Refused, Bad, "nothing listens there, or a firewall refuses", "have the collector's host and port let out; the collector may also be restarting", manager},
	{Route, Slow, Bad, "no answer: something on the way swallows the connection", "have the collector's host and port let out through the firewall", manager},
	{Route, Broken, Bad, "the connection breaks", "try again; if it stays so, look at what is on the way", manager},
	{Route, "behind_proxy", Bad, "the proxy works and does not reach the collector", "have the collector's host and port let out; the collector may also be restarting", manager},
	{TLS, Wrong, Bad, "the settings of the uplink cannot be used", "put right what is named", schoolIT},
	{TLS, Slow, Bad, "the connection is taken, and no secure one can be made in time", "have the collector's host exempted from inspection; the collector may also be restarting", manager},
	{TLS, "opened", Warn, "secure connections are opened on the way by an authority that this computer trusts; what is sealed stays sealed", "have the collector's host exempted from inspection", manager},
	{TLS, "untrusted", Bad, "the certificate comes from an issuer that this computer does not trust; nothing was sent", "have the collector's host exempted from inspection, or give the filter's certificate in uplink.ca_file", manager},
	{TLS, "dates", Bad, "the certificate is not valid at the time of this computer", "check the clock of this computer; if it is right, tell the operator", operator},
	{TLS, "none", Bad, "something answers without TLS", "check whether a proxy or web filter is in the way", manager},
	{TLS, Broken, Bad, "the connection ends while it is being secured", "have the collector's host exempted from inspection", manager},
	{TLS, "ends_soon", Warn, "the certificate ends within days", "tell the operator", operator},
	{Collector, Other, Bad, "an answer came, and not from the collector: a web filter or a proxy put its own in the way", "have the collector's host exempted from filtering and inspection", manager},
	{Collector, Slow, Bad, "the answer of the collector did not come in time", "have the collector's host let out and exempted from filtering", manager},
	{Collector, "away", Bad, "the collector, or something before it, is out of order", "wait; nothing is lost, and it is tried again. If it stays so for hours, tell the operator", operator},
	{Collector, "later", Warn, "the collector answers, and asks to wait", "wait; nothing is lost, and it is tried again", operator},
	{Collector, "unknown", Bad, "the collector does not know this agent", "tell the operator, who makes a new code", operator},
	{Collector, "code_unknown", Bad, "the collector does not know the code", "ask for a new code", operator},
	{Collector, "code_used", Bad, "the code is too old, or was used on another computer", "ask for a new code", operator},
	{Collector, "code_wrong", Bad, "the code is not one, or was not copied whole", "copy it again, from RB1- to the end", operator},
	{Collector, "keys_expired", Bad, "the collector's list of keys has expired at the time of this computer", "set the clock of this computer right; if it is right, tell the operator", operator},
	{Collector, "fault", Bad, "the collector could not be asked", "see what is named", operator},
	{Clock, Wrong, Bad, "the clock of this computer is more than five minutes wrong", "set it right, and switch on that it sets itself", schoolIT},
	{Clock, "off", Warn, "the clock of this computer is more than a minute wrong", "switch on that it sets itself", schoolIT},
	{MIS, "settings", Bad, "the settings of the MIS cannot work", "put right what is named", schoolIT},
	{MIS, "down", Bad, "the MIS is not reached, is too slow or is busy", "do what is named; it is tried again at the next read", misAdmin},
	{MIS, "look", Warn, "the MIS was reached, and something should be looked at", "do what is named", misAdmin},
	{MIS, "data", Bad, "what the MIS gives cannot be read as it must be", "put right what is named", misAdmin},
	{Right, Missing, Bad, "a right that a read needs is missing, or what it is for is not there", "hand over what `rollbridge-agent profile test` prints", misAdmin},
	{Right, "unproven", Warn, "the right could not be proved, or what it is for has no rows", "do what is named", misAdmin},
	{Excess, "too_much", Warn, "the account may do more than a read needs", "have it taken away; `rollbridge-agent profile test` prints how", misAdmin},
	{Dataset, "stopped", Bad, "this dataset cannot be read; everything else is sent, and nothing of this is removed", "put right what is named", misAdmin},
	{Dataset, "data", Bad, "the data of this dataset are not as they must be", "put right what is named", misAdmin},
	{Dataset, "look", Warn, "this dataset can be read, and something in it should be looked at", "do what is named", misAdmin},
	{Dataset, Old, Warn, "the data are more than a day and a half old", "see that the export or the copy is made every morning before the sync", misAdmin},
	{Queue, "waiting", Warn, "a batch has waited for more than an hour for its receipt", "see the lines on the way to the collector", schoolIT},
	{Queue, Old, Bad, "a batch has waited for more than a day for its receipt", "see the lines on the way to the collector", schoolIT},
	{LastSync, "never", Warn, "the MIS was never read here", "`rollbridge-agent sync` reads it now", schoolIT},
	{LastSync, Failed, Bad, "the last read of the MIS failed", "put right what is named; `rollbridge-agent sync` reads again", misAdmin},
	{LastSync, Old, Warn, "the MIS was last read more than four days ago", "see that the service runs all day", schoolIT},
	{Holds, "held", Warn, "something is kept back until a person has looked", "see `rollbridge-agent status`", headOrIT},
	{Scope, "not_given", Warn, "an authority asks for more than the school allows; nothing more leaves", "`rollbridge-agent scope accept` shows the difference and takes a yes, `scope deny` a no", headOrIT},
	{Updates, "altered", Bad, "a program on this computer is not what was released", "find out who replaced it, and install the package again", schoolIT},
	{Updates, Failed, Warn, "no newer version could be looked for or fetched; the agent goes on as it is", "do what is named; it is tried again by itself", manager},
	{Updates, "went_back", Warn, "a newer version failed here, and the one before runs again", "wait for the next version; if the collector's operator asks, send the file of `rollbridge-agent check --bundle`", operator},
	{Updates, "system", Warn, "newer versions need a newer Windows", "have Windows upgraded: without it no fixes come any more", schoolIT},
	{Updates, "no_way", Warn, "a newer version is there, and this computer cannot have it", "tell the operator", operator},
	{Updates, "security", Warn, "a security fix waits because the school holds releases back", "`rollbridge-agent update apply` takes it now", schoolIT},
	{Updates, "ends_soon", Warn, "what is signed about releases ends soon", "tell the operator", operator},
}

// entry finds what the list says of a cause.
func entry(id ID, c Cause) (Entry, bool) {
	for _, e := range List {
		if e.ID == id && e.Cause == c {
			return e, true
		}
	}
	return Entry{}, false
}
