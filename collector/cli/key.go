package cli

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"rollbridge/collector/cli/server"
	"rollbridge/collector/database"
	"rollbridge/collector/enrolment"
	"rollbridge/collector/keys"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

func (p *program) keyCommand() *cobra.Command {
	var asJSON bool
	list := &cobra.Command{
		Use: "list", Short: "List the keys in use and when they end", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error { return p.listKeys(c.Context(), asJSON) },
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	rotate := &cobra.Command{
		Use: "rotate", Short: "Make a new sealing key and a new epoch key now", Args: exactly(0),
		Long: `Make a new sealing key, which agents use from their next check-in on, and a new
epoch key of the vault. Role jobs does both by itself, each week and each day;
do it by hand after a suspicion. Old keys are destroyed when their time is over.`,
		RunE: func(c *cobra.Command, _ []string) error { return p.rotateKeys(c.Context()) },
	}
	var root string
	renew := &cobra.Command{
		Use: "renew", Short: "Sign a new keyring with the root key", Args: exactly(0),
		Long: `Sign a keyring with the same keys, the next epoch and a year to go. Agents take
it over at their next check-in. The root key is needed: put its directory back,
or name the directory that holds root/root.key with --root.`,
		RunE: func(c *cobra.Command, _ []string) error { return p.renewKeyring(c.Context(), root) },
	}
	renew.Flags().StringVar(&root, "root", "", "`directory` that holds root/root.key (default: the keys directory)")
	ring := &cobra.Command{Use: "keyring", Short: "The keyring that agents trust", Args: cobra.ArbitraryArgs, RunE: group("rollbridge-collector key keyring")}
	ring.AddCommand(renew)
	return parent("key", "The collector's keys", list, rotate, ring)
}

// keyLine is one key as it is listed; no private part.
type keyLine struct {
	Kind    string     `json:"kind"`
	ID      string     `json:"id"`
	State   string     `json:"state"`
	Created *time.Time `json:"created"`
	Ends    *time.Time `json:"ends"`
}

func (p *program) listKeys(ctx context.Context, asJSON bool) error {
	return p.withVault(ctx, func(s settings.Settings, st *store.Store, v *vault.Vault) error {
		c, err := server.OpenControl(ctx, s, st)
		if err != nil {
			return err
		}
		lines := ringLines(s, c)
		sealing, err := keys.OpenSealing(s.Keys())
		if err != nil {
			return err
		}
		lines = append(lines, sealingLines(sealing, clock.Now())...)
		epochs, err := v.Epochs()
		if err != nil {
			return err
		}
		newest, _ := v.Newest()
		for _, e := range epochs {
			state := "kept for backups"
			if e == newest {
				state = "in use"
			}
			lines = append(lines, keyLine{Kind: "epoch", ID: fmt.Sprint(e), State: state})
		}
		if asJSON {
			return p.printJSON(lines)
		}
		var rows []string
		for _, l := range lines {
			ends := ""
			if l.Ends != nil {
				ends = timeWords(*l.Ends)
			}
			rows = append(rows, l.Kind+"\t"+l.ID+"\t"+l.State+"\t"+ends)
		}
		return p.table("KIND\tID\tSTATE\tENDS", rows, "")
	})
}

func ringLines(s settings.Settings, c server.Control) []keyLine {
	state := "here; move it offline"
	if _, err := keys.OpenRoot(s.Keys()); err != nil {
		state = "not here, as it should be"
	}
	lines := []keyLine{
		{Kind: "root", ID: c.Root.String(), State: state},
		{Kind: "keyring", ID: fmt.Sprintf("epoch %d", c.Keyring.Epoch), State: "in use", Created: timeJSON(c.Keyring.Issued), Ends: timeJSON(c.Keyring.Expires)},
	}
	for _, k := range c.Keyring.Intake {
		lines = append(lines, keyLine{Kind: "intake", ID: envelope.KeyIDOf(k).String(), State: "in use"})
	}
	for _, k := range c.Keyring.Control {
		lines = append(lines, keyLine{Kind: "control", ID: envelope.KeyIDOf(k).String(), State: "in use"})
	}
	return lines
}

func sealingLines(sealing map[envelope.KeyID]keys.SealingKey, now time.Time) []keyLine {
	var list []keys.SealingKey
	for _, k := range sealing {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b keys.SealingKey) int { return a.Created.Compare(b.Created) })
	var lines []keyLine
	for i, k := range list {
		state, ends := "opens what waits", k.Destroyed
		if i == len(list)-1 {
			state, ends = "in use", k.Retires
			if !now.Before(k.Retires) {
				state = "overdue: is role jobs running?"
			}
		}
		lines = append(lines, keyLine{Kind: "sealing", ID: k.ID.String(), State: state, Created: timeJSON(k.Created), Ends: timeJSON(ends)})
	}
	return lines
}

func (p *program) rotateKeys(ctx context.Context) error {
	return p.withDesk(ctx, func(s settings.Settings, st *store.Store, desk *enrolment.Desk) error {
		now := clock.Now()
		k, err := keys.NewSealing(s.Keys(), now)
		if err != nil {
			return err
		}
		if err := desk.SealingKeys(ctx); err != nil {
			return fmt.Errorf("the new sealing key is made but not announced: %w; role jobs does it, or run the command again", err)
		}
		if err := desk.Vault.New(now); err != nil {
			return err
		}
		r, err := st.Rotate(ctx, desk.Vault, now)
		if err != nil {
			return fmt.Errorf("the new epoch key is made, but not every key is wrapped by it yet: %w; role jobs goes on, or run the command again", err)
		}
		newest, _ := desk.Vault.Newest()
		return p.printf("Sealing key %s is in use; epoch key %d wraps %d keys anew.\n", k.ID, newest, r.Rewrapped)
	})
}

func (p *program) renewKeyring(ctx context.Context, dir string) error {
	return p.withStore(ctx, func(s settings.Settings, _ *database.DB, st *store.Store) error {
		if dir == "" {
			dir = s.Keys()
		}
		root, err := keys.OpenRoot(dir)
		if errors.Is(err, keys.ErrMissing) {
			return refused(fmt.Errorf("the root key is not in %s, as it should be: bring its directory from where you keep it and name it with --root DIR, where DIR holds root/root.key", dir))
		}
		if err != nil {
			return err
		}
		fingerprint := protocol.FingerprintOf(root.Public().(ed25519.PublicKey))
		known, err := server.ReadRoot(s.Keys())
		if err != nil {
			return err
		}
		if fingerprint != known {
			return refused(fmt.Errorf("the key in %s is another collector's root key: bring the one with fingerprint %s", dir, known))
		}
		last, err := server.Keyring(ctx, st, known)
		if err != nil {
			return err
		}
		next, signed, err := keys.Renew(root, last, clock.Now())
		if err != nil {
			return err
		}
		if err := st.PutKeyring(ctx, next, signed); err != nil {
			return err
		}
		p.notef("Next: take the root key away again.\n")
		return p.printf("Keyring of epoch %d is in use until %s.\n", next.Epoch, next.Expires.Format("2 January 2006"))
	})
}
