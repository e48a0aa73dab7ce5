package fault

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Call is one system call of a traced process.
type Call struct {
	Name string
	// On is what the first argument refers to, as strace -yy writes it: a path, or
	// TCP:[local->remote].
	On string
	// Text is all of the arguments, with the data as far as strace kept it.
	Text   string
	Result int64
	// Began and Ended are places in the order of what strace saw; a call that
	// never returned ended after everything.
	Began, Ended int
}

// TraceArguments make strace write what ReadTrace reads, of a program and all
// its threads, with up to keep bytes of data for each call.
func TraceArguments(file string, keep int, program string, args ...string) []string {
	return append([]string{"-f", "-yy", "-qq", "-s", strconv.Itoa(keep), "-o", file,
		"-e", "trace=read,write,pwrite64,writev,sendto,recvfrom,sendmsg,recvmsg,fsync,fdatasync",
		"-e", "signal=none", program}, args...)
}

var (
	begun   = regexp.MustCompile(`^(\d+) +([a-z0-9_]+)\((.*)$`)
	resumed = regexp.MustCompile(`^(\d+) +<\.\.\. ([a-z0-9_]+) resumed>(.*)$`)
	result  = regexp.MustCompile(`\) += +(-?\d+|\?)[^=]*$`)
	first   = regexp.MustCompile(`^\d+<(.*?)>(?:,|\)| )`)
)

// ReadTrace reads the calls in the order in which they began.
func ReadTrace(r io.Reader) ([]Call, error) {
	var calls []Call
	open := map[string]int{} // thread to its unfinished call
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 64<<20)
	place := 0
	for ; scan.Scan(); place++ {
		line := scan.Text()
		if m := resumed.FindStringSubmatch(line); m != nil {
			if i, found := open[m[1]]; found {
				calls[i].Text += m[3]
				calls[i].Result, calls[i].Ended = resultIn(m[3]), place
				delete(open, m[1])
			}
			continue
		}
		m := begun.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		c := Call{Name: m[2], Text: m[3], Began: place, Ended: place, Result: resultIn(m[3])}
		if on := first.FindStringSubmatch(m[3]); on != nil {
			c.On = on[1]
		}
		if strings.HasSuffix(line, "<unfinished ...>") {
			c.Result = -1
			open[m[1]] = len(calls)
		}
		calls = append(calls, c)
	}
	for _, i := range open {
		calls[i].Ended = place
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("read a trace: %w", err)
	}
	if len(calls) == 0 {
		return nil, errors.New("read a trace: strace saw no call")
	}
	return calls, nil
}

func resultIn(text string) int64 {
	m := result.FindStringSubmatch(text)
	if m == nil {
		return -1
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func (c Call) syncs(file string) bool {
	return (c.Name == "fsync" || c.Name == "fdatasync") && strings.Contains(c.On, file) && c.Result == 0
}

func (c Call) socket() bool { return strings.HasPrefix(c.On, "TCP") }

func (c Call) reads() bool {
	return c.Name == "read" || c.Name == "recvfrom" || c.Name == "recvmsg"
}

func (c Call) writes() bool {
	return slices.Contains([]string{"write", "pwrite64", "writev", "sendto", "sendmsg"}, c.Name)
}

// Without leaves some calls out: what a program that does not make them would
// have shown.
func Without(calls []Call, names ...string) []Call {
	return slices.DeleteFunc(slices.Clone(calls), func(c Call) bool { return slices.Contains(names, c.Name) })
}

// SyncedBeforeReply returns nil if the largest request that the server at
// listen (host:port) read was answered only after a sync of file that began
// when all of the request had been read and returned before the answer was
// written.
func SyncedBeforeReply(calls []Call, listen, file string) error {
	size, last, reply := largestExchange(calls, listen)
	if reply < 0 {
		return fmt.Errorf("the trace shows no request to %s with an answer", listen)
	}
	for _, c := range calls {
		if c.syncs(file) && c.Began > last && c.Ended < reply {
			return nil
		}
	}
	return fmt.Errorf("a request of %d bytes was answered without a sync of %s between reading it and answering", size, file)
}

// largestExchange finds, over all connections, the run of reads with the most
// bytes that a write follows: where the last read ended and the write began.
func largestExchange(calls []Call, listen string) (size int64, last, reply int) {
	type run struct {
		bytes int64
		last  int
	}
	runs := map[string]run{}
	reply = -1
	for _, c := range calls {
		if !c.socket() || !strings.Contains(c.On, "["+listen+"->") {
			continue
		}
		r := runs[c.On]
		switch {
		case c.reads() && c.Result > 0:
			r = run{bytes: r.bytes + c.Result, last: c.Ended}
		case c.writes() && c.Result > 0:
			if r.bytes > size {
				size, last, reply = r.bytes, r.last, c.Began
			}
			r = run{}
		}
		runs[c.On] = r
	}
	return size, last, reply
}

// SyncedBeforePost returns nil if, after an envelope was first written to file,
// nothing went to the server at address (host:port) before every write to file
// had been followed by a sync that returned.
func SyncedBeforePost(calls []Call, file, address string) error {
	sealed := slices.IndexFunc(calls, func(c Call) bool {
		return c.writes() && strings.Contains(c.On, file) && strings.Contains(c.Text, "RBE1")
	})
	if sealed < 0 {
		return fmt.Errorf("the trace shows no envelope being written to %s", file)
	}
	post := slices.IndexFunc(calls, func(c Call) bool {
		return c.Began > calls[sealed].Ended && c.writes() && c.socket() && strings.Contains(c.On, "->"+address+"]")
	})
	if post < 0 {
		return fmt.Errorf("the trace shows nothing sent to %s after an envelope was written", address)
	}
	written := -1
	for _, c := range calls {
		if c.writes() && strings.Contains(c.On, file) && c.Began < calls[post].Began {
			written = max(written, c.Ended)
		}
	}
	for _, c := range calls {
		if c.syncs(file) && c.Began > written && c.Ended < calls[post].Began {
			return nil
		}
	}
	return fmt.Errorf("something went to %s after an envelope was written to %s and before a sync of it", address, file)
}
