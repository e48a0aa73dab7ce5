package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollbridge/collector/audit"
	"rollbridge/collector/cli/server"
	"rollbridge/collector/database"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

const auditVerifyLong = `Read every entry of the audit log and prove that nothing was changed, dropped,
swapped or cut off: each chain in itself, and against the checkpoints that role
jobs has signed and kept outside the database. It only reads, may run beside the
service, and is what role jobs does once a day. The exit code is 5 when
something is not as it was written.

--checkpoints names a copy of the directory of checkpoints, or a file of it, that
you keep on another machine: it proves the log to whoever does not trust this one.

After a backup was restored, the log ends before the checkpoints say. --accept
with the reason takes it as it is from then on, and writes that down in the log.`

func (p *program) auditCommand() *cobra.Command {
	return parent("audit", "Who saw, exported or changed what", p.auditExportCommand(), p.auditVerifyCommand())
}

// auditChoice is what of the audit log is exported.
type auditChoice struct {
	authority, school string
	operator          bool
	from, to          string
	asJSON            bool
}

func (p *program) auditExportCommand() *cobra.Command {
	var a auditChoice
	c := &cobra.Command{
		Use: "export", Short: "Print the audit log of an authority, a school or the operator", Args: exactly(0),
		Long: `Print one chain of the audit log, the oldest entry first: as CSV, or as JSON
lines with the hashes. It names people who signed in, pupils by their ids, and the
reasons that people gave: write it to no file that is not encrypted.`,
		RunE: func(c *cobra.Command, _ []string) error { return p.exportAudit(c.Context(), a) },
	}
	c.Flags().StringVar(&a.authority, "authority", "", "`code` of the authority whose chain it is")
	c.Flags().StringVar(&a.school, "school", "", "`id` of the school whose chain it is")
	c.Flags().BoolVar(&a.operator, "operator", false, "the operator's own chain")
	c.Flags().StringVar(&a.from, "from", "", "first `day`, such as 2026-11-23 (default: all)")
	c.Flags().StringVar(&a.to, "to", "", "last `day`")
	c.Flags().BoolVar(&a.asJSON, "json", false, "print JSON lines")
	return c
}

// query is the choice as the log takes it.
func (a auditChoice) query() (audit.Query, error) {
	var q audit.Query
	chosen := 0
	for chain, given := range map[audit.Chain]bool{
		audit.OfAuthority(a.authority): a.authority != "", audit.OfSchool(a.school): a.school != "", audit.Operator: a.operator,
	} {
		if given {
			q.Chain = chain
			chosen++
		}
	}
	if chosen != 1 {
		return q, usage(errors.New("say whose log it is, with one of --authority CODE, --school ID and --operator"))
	}
	for _, d := range []struct {
		flag, text string
		days       int
		into       *time.Time
	}{{"--from", a.from, 0, &q.From}, {"--to", a.to, 1, &q.To}} {
		if d.text == "" {
			continue
		}
		day, err := record.ParseDate(d.text)
		if err != nil {
			return q, usage(fmt.Errorf("%s is a day such as 2026-11-23, not %q", d.flag, d.text))
		}
		y, m, n := day.Time().Date()
		*d.into = time.Date(y, m, n+d.days, 0, 0, 0, 0, status.London())
	}
	return q, nil
}

func (p *program) exportAudit(ctx context.Context, a auditChoice) error {
	q, err := a.query()
	if err != nil {
		return err
	}
	return p.withAudit(ctx, func(_ settings.Settings, db *database.DB, st *store.Store, v *vault.Vault, log *audit.Log) error {
		if a.school != "" {
			if _, err := school(ctx, st, a.school); err != nil {
				return err
			}
		}
		people, err := account.Open(db, v).List(ctx)
		if err != nil {
			return err
		}
		who := map[string]string{}
		for _, u := range people {
			who[u.ID] = u.Name
		}
		// The export is itself written down, and stands at its end.
		about := strings.TrimSpace("command from=" + a.from + " to=" + a.to)
		if err := log.Add(ctx, audit.Entry{Authority: a.authority, User: audit.ByCommand, Action: audit.AuditExported, Subject: audit.Subject{School: a.school, About: about}}); err != nil {
			return err
		}
		if !a.asJSON {
			return log.WriteCSV(ctx, p.out, q, "", who)
		}
		e := json.NewEncoder(p.out)
		e.SetEscapeHTML(false)
		return log.Each(ctx, q, func(r audit.Record) error { return e.Encode(auditLineOf(r, who)) })
	})
}

// auditLine is an entry as it is exported for scripts.
type auditLine struct {
	Chain     audit.Chain      `json:"chain"`
	Entry     int64            `json:"entry"`
	ID        string           `json:"id"`
	At        time.Time        `json:"at"`
	User      string           `json:"user"`
	Name      string           `json:"name"`
	Action    audit.Action     `json:"action"`
	Authority string           `json:"authority"`
	School    string           `json:"school"`
	Children  []record.PupilID `json:"children"`
	About     string           `json:"about"`
	Reason    string           `json:"reason"`
	Gone      bool             `json:"reason_destroyed"`
	Hash      string           `json:"hash"`
}

func auditLineOf(r audit.Record, who map[string]string) auditLine {
	return auditLine{r.Chain, r.Seq, r.ID, r.At, r.User, who[r.User], r.Action, r.Authority, r.School,
		append([]record.PupilID{}, r.Children...), r.About, r.Reason, r.ReasonGone, fmt.Sprintf("%x", r.Hash)}
}

// withAudit opens the audit log with the vault, which opens reasons.
func (p *program) withAudit(ctx context.Context, f func(settings.Settings, *database.DB, *store.Store, *vault.Vault, *audit.Log) error) error {
	return p.withStore(ctx, func(s settings.Settings, db *database.DB, st *store.Store) error {
		v, err := vault.Open(filepath.Join(s.Keys(), "vault"))
		if err != nil {
			return err
		}
		return errors.Join(f(s, db, st, v, audit.New(db, v)), v.Close())
	})
}

func (p *program) auditVerifyCommand() *cobra.Command {
	var copies []string
	var accept string
	var asJSON bool
	c := &cobra.Command{
		Use: "verify", Short: "Prove that nothing was taken from the audit log or changed in it", Args: exactly(0), Long: auditVerifyLong,
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("accept") {
				return p.acceptAudit(c.Context(), accept)
			}
			return p.verifyAudit(c.Context(), copies, asJSON)
		},
	}
	c.Flags().StringArrayVar(&copies, "checkpoints", nil, "`directory` or file with checkpoints that were kept elsewhere (again for more)")
	c.Flags().StringVar(&accept, "accept", "", "take the log as it is after a backup was restored, for this `reason`")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.MarkFlagsMutuallyExclusive("accept", "checkpoints")
	c.MarkFlagsMutuallyExclusive("accept", "json")
	return c
}

func (p *program) verifyAudit(ctx context.Context, copies []string, asJSON bool) error {
	return p.withAudit(ctx, func(s settings.Settings, _ *database.DB, _ *store.Store, _ *vault.Vault, log *audit.Log) error {
		root, err := server.ReadRoot(s.Keys())
		if err != nil {
			return err
		}
		shelf := audit.At(s.AuditDir(), root)
		known, err := checkpoints(shelf, root, copies)
		if err != nil {
			return refused(err)
		}
		now := clock.Now()
		report, err := log.Verify(ctx, known...)
		if err != nil {
			return err
		}
		if len(copies) == 0 {
			if err := shelf.PutVerified(audit.Verified{At: now.UTC(), Report: report}); err != nil {
				return err
			}
		}
		return p.sayVerified(report, len(known), asJSON)
	})
}

// checkpoints are the copies that were given, and the newest of our own, which comes last.
func checkpoints(own audit.Shelf, root protocol.Fingerprint, copies []string) (list []audit.Checkpoint, err error) {
	for _, path := range copies {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("read checkpoints: %w", err)
		}
		if info.IsDir() {
			all, err := audit.At(path, root).All()
			if err != nil {
				return nil, err
			}
			list = append(list, all...)
			continue
		}
		one, err := own.Read(path)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	all, err := own.All()
	return append(list, all...), err
}

func (p *program) sayVerified(r audit.Report, known int, asJSON bool) error {
	var err error
	if asJSON {
		err = p.printJSON(struct {
			audit.Report
			Checkpoints int `json:"checkpoints"`
		}{r, known})
	} else {
		var rows []string
		for _, f := range r.Faults {
			rows = append(rows, fmt.Sprintf("%s\t%d\t%s", f.Chain, f.Seq, f.Text))
		}
		whole := fmt.Sprintf("The audit log is as it was written: %d entries in %d chains, against %d checkpoints.", r.Entries, r.Chains, known)
		err = p.table("CHAIN\tENTRY\tFOUND", rows, whole)
	}
	if err == nil && len(r.Faults) > 0 {
		err = &exitError{ExitFaults, fmt.Errorf("the audit log is not as it was written (%d faults): keep a copy of the database and of the checkpoints before anything else, and find out who could write to the database; if a backup was restored, see --accept", len(r.Faults))}
	}
	return err
}

func (p *program) acceptAudit(ctx context.Context, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return usage(errors.New("say why the audit log is shorter than its checkpoints: --accept \"restored the backup of 3 November after the disk failed\""))
	}
	return p.withAudit(ctx, func(s settings.Settings, _ *database.DB, st *store.Store, _ *vault.Vault, log *audit.Log) error {
		c, err := server.OpenControl(ctx, s, st)
		if err != nil {
			return err
		}
		k, err := server.AuditKeeper(ctx, s, st, log, c)
		if err != nil {
			return err
		}
		list, err := k.Accept(ctx, reason, clock.Now())
		if errors.Is(err, audit.ErrBroken) {
			return refused(err)
		}
		if err != nil {
			return err
		}
		var rows []string
		for _, chain := range list {
			rows = append(rows, string(chain))
		}
		return p.table("ACCEPTED AS IT IS", rows, "The audit log is as the checkpoints say: there is nothing to accept.")
	})
}
