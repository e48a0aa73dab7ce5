package school

// checkRights has nothing to do here: agent/secret sets and checks the access
// list of every file that needs one.
func checkRights(string) []string { return nil }
