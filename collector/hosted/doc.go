// Package hosted reaches the agents that the operator runs for schools whose MIS is in the
// cloud (design.md §7): one process of the agent's program, a directory for each school.
// It is how a person of such a school, signed in to the portal, has the powers that a
// school has over an agent on its own machine.
//
// It speaks to an agent as anybody would: it runs the agent's program with a fixed command
// and --json, as the same system user, and reads what it prints. The two sides share no
// code but shared/, and what the agent refuses at its own command line it refuses here.
//
// It guarantees:
//   - No shell, and no argument that somebody typed: each is a word of this package, an
//     authority's code, the name of a dataset or field that shared/record has, a hash or a
//     time. The environment of the portal, which may hold its passwords, is not handed on.
//   - A directory is believed only if the agent in it says that it is of this very school:
//     one that was renamed or copied gives nobody power over another school's agent. (An
//     agent that is not enrolled yet, or was revoked, has nothing to have power over.)
//   - What a person says yes to is what the person was shown: Accept and Allow name the
//     hash or the fields, and the agent refuses what has changed since.
//   - A command ends: by itself, by its time limit or by its limit of output. Only a few
//     run at once, and one preview of a school at a time.
//   - What a preview shows is a child's data. It is in memory only, prints as one fixed
//     word, and is in no error: of a preview not even what the program said is kept.
//
// It decides nothing about who may ask: the portal does (package schoolpage), and writes
// it down. It never reads an agent's directory by itself.
//
// Start reading at Agents in agents.go; run.go has how a command is run, fault.go what
// can go wrong.
package hosted
