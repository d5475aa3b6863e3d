process.on('uncaughtException', (error) => { console.log(`preloaded handler: ${error.message}`); });
