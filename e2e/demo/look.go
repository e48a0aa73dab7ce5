package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"rollbridge/e2e/demoschool"
	"rollbridge/shared/status"
)

func (d *demo) summary(took time.Duration) {
	d.title("Summary")
	pupils := 0
	for range d.school.Pupils() {
		pupils++
	}
	d.say("   %d pupils on roll, %d of them looked after by the authorities that ask: the collector holds those.", pupils, len(d.school.LookedAfter()))
	d.say("   %d records compared with the MIS in three rounds, no difference, in %.1f s.", d.compared, took.Seconds())
}

// wait says where to look and what to try, until ctx ends.
func (d *demo) wait(ctx context.Context) error {
	user, password, err := signIn(d.collector.Greeting)
	if err != nil {
		return err
	}
	d.title("Now look")
	d.say("   The authority's page   %s/", d.collector.PortalURL)
	d.say("                          Your browser will warn: the trial certificate signs itself. Go on to the page.")
	d.say("   User name              %s", user)
	d.say("   One-time password      %s   (the page then asks you to choose your own)", password)
	d.say("   What you will see      %s", words(time.Now()))
	d.tryByHand()
	d.say("\n   To try as school IT (also: preview, sync, profile test, log, log --verify, pause, resume, revoke):")
	d.say("     ROLLBRIDGE_DATA_DIR=%s %s status", quoted(d.agent.Dir), quoted(d.programs.Agent))
	d.say("   and as the operator (also: agent list, school list, fsck):")
	d.say("     ROLLBRIDGE_COLLECTOR_DATA_DIR=%s %s status", quoted(d.collector.Dir), quoted(d.programs.Collector))
	d.say("\n   Ctrl-C ends everything and removes %s.", d.dir)
	<-ctx.Done()
	return ctx.Err()
}

// words says which status word stands on the page at now, and why.
func words(now time.Time) string {
	now = now.In(status.London())
	one := "One school, " + demoschool.SchoolName + ", with the word "
	if !status.DefaultInSession(now) {
		return one + "\"" + string(status.NotInSession) + "\":\n" +
			"                          today is a " + now.Weekday().String() + ", and without term dates schools are in session Monday to Friday."
	}
	return one + "\"" + string(status.Received) + "\", or before the\n" +
		"                          register time of the session (9:30am, 1:45pm) \"" + string(status.Due) + "\"."
}

// signIn finds the first sign-in in what init printed.
func signIn(greeting string) (user, password string, err error) {
	for line := range strings.SplitSeq(greeting, "\n") {
		line = strings.TrimSpace(line)
		if rest, found := strings.CutPrefix(line, "user "); found {
			user = strings.TrimSpace(rest)
		}
		if rest, found := strings.CutPrefix(line, "one-time password "); found {
			password = strings.TrimSpace(rest)
		}
	}
	if user == "" || password == "" {
		return "", "", errors.New("`init` printed no first sign-in")
	}
	return user, password, nil
}

// quoted is a path as a shell takes it.
func quoted(path string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-"
	if strings.Trim(path, plain) == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
