function down(n) { const local = { n }; return down(n + 1) + local.n; }
down(0);
