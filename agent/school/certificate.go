package school

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rollbridge/agent/identity"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/agent/settings"
	"rollbridge/agent/uplink"
	"rollbridge/shared/clock"
	"rollbridge/shared/protocol"
)

// certificatePage is where the collector gives certificates out.
const certificatePage = "stop/certificate"

// A Proof is a deletion certificate of this agent, verified.
type Proof struct {
	protocol.Certificate
	File protocol.CertificateFile
	// Entered says that it stands in the logbook.
	Entered bool
}

// FetchCertificate asks the collector of a revoked school for the certificate
// that everything is destroyed, with the revocation code from the head teacher's
// safe, verifies it, and enters it into the logbook if that was kept. It may be
// called again. Errors hold nothing of the code; one of kind Refused says when
// the certificate can be had.
func FetchCertificate(ctx context.Context, set settings.Settings, code string) (Proof, error) {
	r, err := readRemains(set.DataDir)
	if errors.Is(err, fs.ErrNotExist) {
		return Proof{}, refused("no revoked school is kept here, so it is not known whom to ask: use the page of the collector that the operator names, with the revocation code")
	}
	if err != nil {
		return Proof{}, err
	}
	if r.Delivered.IsZero() {
		return Proof{}, refused("the collector does not know of the revoke yet: `rollbridge-agent revoke` delivers it")
	}
	answer, err := r.askCertificate(ctx, set, code)
	if err != nil {
		return Proof{}, err
	}
	p := Proof{}
	if p.File, err = protocol.ParseCertificateFile(answer); err != nil {
		return Proof{}, &Fault{Kind: Unreachable, Text: "the answer holds no certificate; a web filter may have put a page of its own in the way: try again, or from another network"}
	}
	if p.Certificate, err = p.File.Verify(r.Collector.Root); err != nil {
		return Proof{}, fmt.Errorf("%w: it is not signed by this school's collector, so nothing was kept: tell the operator", err)
	}
	if p.Agent != r.Agent {
		return Proof{}, refused("the certificate is about another agent than the one that was revoked here, so nothing was kept: the code may be of an earlier or later enrolment")
	}
	p.Entered, err = enterCertificate(ctx, set.DataDir, p.File)
	return p, err
}

func (r remains) askCertificate(ctx context.Context, set settings.Settings, code string) ([]byte, error) {
	client, err := uplink.New(uplink.Route{URL: r.Collector.URL, Pin: r.Collector.Pin, Exit: set.Uplink.Exit()})
	if err != nil {
		return nil, refused(err.Error())
	}
	defer client.Close()
	status, answer, err := client.PostForm(ctx, certificatePage, url.Values{"code": {strings.ToUpper(strings.TrimSpace(code))}})
	if err != nil {
		return nil, err
	}
	switch status {
	case http.StatusOK:
		return answer, nil
	case http.StatusNotFound:
		return nil, refused("the collector knows no such revocation code: compare it with the one in the head teacher's safe")
	case http.StatusConflict:
		var wait struct {
			DestroyedOn time.Time `json:"destroyed_on"`
		}
		if json.Unmarshal(answer, &wait) == nil && !wait.DestroyedOn.IsZero() {
			return nil, refused("the collector destroys the data on " + wait.DestroyedOn.In(london).Format("2 January 2006") + ": ask again the day after")
		}
		return nil, refused("the data are not destroyed yet: ask again later")
	case http.StatusTooManyRequests:
		return nil, &Fault{Kind: Unreachable, Text: "the collector has been asked too often: try again in some minutes"}
	}
	return nil, &Fault{Kind: Unreachable, Text: fmt.Sprintf("the collector gave no certificate (HTTP %d): try again later", status)}
}

// enterCertificate puts the certificate into the logbook, once; false where
// there is no logbook, or not the key to it.
func enterCertificate(ctx context.Context, dir string, f protocol.CertificateFile) (bool, error) {
	lock, err := LockState(ctx, dir, deliveryPatience)
	if err != nil {
		return false, err
	}
	defer lock.Release()
	key, err := identity.LogbookKey(dir)
	if errors.Is(err, identity.ErrMissing) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	book, err := logbook.Open(dir, key)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = errors.Join(book.Once(clock.Now(), outbox.EventCertificate, f), book.Close())
	return err == nil, err
}
