package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"rollbridge/collector/cli/server"
	"rollbridge/collector/database"
)

func (p *program) serveCommand() *cobra.Command {
	var roles []string
	c := &cobra.Command{
		Use: "serve", Short: "Run the collector until it is told to stop", Args: exactly(0),
		Long: `Serve runs one or more roles: intake answers agents, apply opens and keeps what
they sent, portal shows authorities their schools, jobs renews keys. Without
--role it runs all of them in one process, which is for trials: in production
give intake a process and a user of its own.

It stops in order on SIGTERM or Ctrl-C. The private listener answers /livez,
/readyz and /metrics.`,
		RunE: func(c *cobra.Command, _ []string) error {
			chosen, err := server.ParseRoles(roles)
			if err != nil {
				return usage(err)
			}
			return p.serve(c.Context(), chosen)
		},
	}
	c.Flags().StringSliceVar(&roles, "role", nil, "`roles` of this process: intake,apply,portal,jobs (default: all)")
	return c
}

func (p *program) serve(ctx context.Context, roles []server.Role) error {
	s, err := p.load()
	if err != nil {
		return err
	}
	if err := present(s); err != nil {
		return err
	}
	if len(roles) == len(server.Roles()) {
		p.log.Warn("all roles run in one process, which is for trials: in production run intake apart, with --role intake")
	}
	return server.Run(ctx, server.Config{Settings: s, Roles: roles, Log: p.log})
}

func (p *program) migrateCommand() *cobra.Command {
	var role string
	c := &cobra.Command{
		Use: "migrate", Short: "Bring the database's schema up to this program", Args: exactly(0),
		Long: `Migrate changes the schema of the database to the one this program needs. Stop
the collector and back the database up before. On a schema that is already
right it changes nothing.

With --intake-role it also gives that PostgreSQL role, which must exist, the few
rights that a process with role intake needs, and takes all others from it.`,
		RunE: func(c *cobra.Command, _ []string) error { return p.migrate(c.Context(), role) },
	}
	c.Flags().StringVar(&role, "intake-role", "", "PostgreSQL `role` to give the rights of role intake")
	return c
}

func (p *program) migrate(ctx context.Context, role string) error {
	s, err := p.load()
	if err != nil {
		return err
	}
	db, err := database.Connect(ctx, s.DatabaseDSN())
	if err != nil {
		return err
	}
	old := errors.Is(db.Check(ctx), database.ErrSchemaOld)
	err = db.Migrate(ctx)
	if err == nil && role != "" {
		err = db.GrantIntake(ctx, role)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	text := "The schema was already right.\n"
	if old {
		text = "The schema is now the one this program needs.\n"
	}
	if role != "" {
		text += "Role " + role + " has the rights of intake, and no others.\n"
	}
	return p.printf("%s", text)
}
