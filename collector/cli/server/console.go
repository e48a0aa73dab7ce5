package server

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollbridge/collector/audit"
	"rollbridge/collector/keys"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/console"
	"rollbridge/collector/portal/entry"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/release"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/shared/status"
)

// console is the operator's pages; nil in a process that opens nothing, which is intake's.
// The private listener is plain HTTP on loopback or a closed network: cookies are as well.
func (p *process) console() http.Handler {
	if p.vault == nil {
		return nil
	}
	site := &web.Site{
		DB: p.db, Store: p.store, Vault: p.vault, Accounts: account.Open(p.db, p.vault), Audit: audit.New(p.db, p.vault), Log: p.Log,
		Menu: console.Menu(), Home: console.Home, Plain: true,
	}
	sources := consoleSources{p.Settings, p.store, site.Audit, p.metrics}
	return site.Handler(slices.Concat(entry.Routes(site, nil), console.Routes(site, sources.all())))
}

// consoleSources are what the operator's pages show beside the database.
type consoleSources struct {
	settings settings.Settings
	store    *store.Store
	audit    *audit.Log
	metrics  prometheus.Gatherer
}

func (c consoleSources) all() console.Sources {
	return console.Sources{
		Alarms: func(ctx context.Context, now time.Time) ([]status.Part, error) {
			return Alarms(ctx, c.settings, c.store, c.audit, now)
		},
		Audit: func(ctx context.Context, now time.Time) (audit.State, error) {
			root, err := ReadRoot(c.settings.Keys())
			if err != nil {
				return audit.State{}, err
			}
			return c.audit.State(ctx, audit.At(c.settings.AuditDir(), root), now)
		},
		Programs: func(ctx context.Context) ([]release.Program, error) { return Programs(ctx, c.store) },
		Releases: func() (release.State, error) { return release.At(c.settings.ReleasesDir()).State() },
		Expiries: c.expiries,
		Jobs:     func() ([]console.Job, error) { return jobsRun(c.metrics) },
	}
}

// expiries are what ends by itself. What this process may not read is said so.
func (c consoleSources) expiries(ctx context.Context) ([]console.Expiry, error) {
	list := []console.Expiry{c.keyring(ctx), c.sealing()}
	list = append(list, certificateEnds(c.settings, console.IntakeCertificate, c.settings.Intake.TLS),
		certificateEnds(c.settings, console.PortalCertificate, c.settings.PortalTLS()))
	state, err := release.At(c.settings.ReleasesDir()).State()
	if err != nil {
		return append(list, console.Expiry{What: console.AllMetadata, Renewal: console.Unread}), nil
	}
	for _, m := range state.Metadata {
		by := console.ByJobs
		switch m.Role {
		case "root":
			by = console.ByReleaseRoot
		case "targets":
			by = console.ByReleaseRenew
		}
		list = append(list, console.Expiry{What: console.Metadata, Role: m.Role, Ends: m.Expires, Renewal: by})
	}
	return list, nil
}

func (c consoleSources) keyring(ctx context.Context) console.Expiry {
	e := console.Expiry{What: console.Keyring, Renewal: console.ByKeyringRenew}
	root, err := ReadRoot(c.settings.Keys())
	if err == nil {
		ring, ringErr := Keyring(ctx, c.store, root)
		e.Ends, err = ring.Expires, ringErr
	}
	if err != nil {
		e.Renewal = console.NoControlKeys
	}
	return e
}

func (c consoleSources) sealing() console.Expiry {
	e := console.Expiry{What: console.SealingKey, Renewal: console.ByJobsWeekly}
	held, err := keys.OpenSealing(c.settings.Keys())
	if err != nil {
		e.Renewal = console.NoSealingKeys
		return e
	}
	for _, k := range held {
		if k.Retires.After(e.Ends) {
			e.Ends = k.Retires
		}
	}
	return e
}

// certificateEnds is when the certificate of a listener ends.
func certificateEnds(s settings.Settings, what console.Ending, t settings.TLS) console.Expiry {
	e := console.Expiry{What: what, Renewal: console.ByNewFile}
	path := t.Cert
	switch t.Mode {
	case settings.TLSACME:
		e.Renewal = console.ByItself
		return e
	case settings.TLSTrial:
		path, _ = keys.TLSFiles(s.Keys())
		e.Renewal = console.TrialOnly
	}
	text, err := os.ReadFile(path)
	block, _ := pem.Decode(text)
	if err != nil || block == nil {
		e.Renewal = console.Unread
		return e
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		e.Renewal = console.Damaged
		return e
	}
	e.Ends = c.NotAfter
	return e
}

// jobsRun is when each job of this process last ended well, from its own metrics.
func jobsRun(metrics prometheus.Gatherer) (list []console.Job, err error) {
	families, err := metrics.Gather()
	if err != nil {
		return nil, fmt.Errorf("read this process's metrics: %w", err)
	}
	for _, f := range families {
		if f.GetName() != jobMetric {
			continue
		}
		for _, m := range f.GetMetric() {
			list = append(list, console.Job{Name: m.GetLabel()[0].GetValue(), Last: time.Unix(int64(m.GetGauge().GetValue()), 0)})
		}
	}
	slices.SortFunc(list, func(a, b console.Job) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}
