import { defineConfig } from "vite";

const server = process.env.SERVER ?? "http://localhost:3000";

export default defineConfig({
  // The page may be below a prefix.
  base: "./",
  server: {
    proxy: { "/socket.io": { target: server, ws: true }, "/api": server, "/checkUsername": server },
  },
});
