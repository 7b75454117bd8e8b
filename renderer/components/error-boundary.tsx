import { Component, type ReactNode } from 'react';

/** Shows what went wrong instead of a blank page. React has this for classes only. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error?: unknown }> {
  override state: { error?: unknown } = {};

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <main className="main">
        <p role="alert" className="empty">
          This screen broke: {error instanceof Error ? error.message : String(error)} <a href="./">Start again</a>
        </p>
      </main>
    );
  }
}
