package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
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
	who, err := d.collector.Join(ctx, stack.Person{Name: "jo.lee", Role: "administrator", Authorities: d.school.Authorities()})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(d.dir, keyFile), []byte(who.Key), 0o600); err != nil {
		return fmt.Errorf("keep the key of the second factor: %w", err)
	}
	code, err := d.collector.Code(ctx, who)
	if err != nil {
		return err
	}
	d.title("Now look")
	d.say("   The authority's page   %s/", d.collector.PortalURL)
	d.say("                          Your browser will warn: the trial certificate signs itself. Go on to the page.")
	d.say("   User name              %s, an administrator of both authorities", who.Name)
	d.say("   Password               %s", who.Password)
	d.say("   Code                   %s   for the next minute, once. Another one, as a phone would show it:", code)
	d.say("                          %s -in %s -code", quoted(self()), quoted(d.dir))
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

// keyFile is where the demo keeps the key of the second factor, in place of a phone.
const keyFile = "second-factor.key"

// showCode prints what the phone of the demo that waits in dir would show.
func showCode(dir string, stdout io.Writer) error {
	key, err := os.ReadFile(filepath.Join(dir, keyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no demo waits at its page in %q: start one and take the line that it prints", dir)
	}
	if err != nil {
		return fmt.Errorf("read the key of the second factor: %w", err)
	}
	code, err := totp.GenerateCode(string(key), time.Now())
	if err == nil {
		_, err = fmt.Fprintln(stdout, code)
	}
	return err
}

// quoted is a path as a shell takes it.
func quoted(path string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-"
	if strings.Trim(path, plain) == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
